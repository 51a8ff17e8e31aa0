//! Compresses, with the libraries that reading decompresses with.

use std::io::Write;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub fn lz4(bytes: &[u8]) -> Vec<u8> {
    // Blocks of the usual size; a cut loses the block it is in.
    let info = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// One packet at second 1 (`Pcap::ethernet()` with the default TCP segment in IPv4), as `xz -0` compresses it. The
/// library's encoder is not part of the build.
pub fn xz_one_packet() -> Vec<u8> {
    super::frame::behind(
        "fd377a585a000004e6d6b446020021010c0000008f98419ce0006200475d006a30d1c87d8bf8099bad9414bec938600d4baf \
         3957f2e3f8cb2f568e6214419f157d27bc16f5c7a76e33faf2324c9486b7659ec939d7cb31bca25c97e2a2e7b3cf8f4ec49f \
         634c0000d492d0c9e9430b0400016363adbdedba1fb6f37d010000000004595a",
        &[],
    )
}

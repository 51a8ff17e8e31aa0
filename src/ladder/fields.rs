//! The fields of a segment in a ladder: `<SEQ=100><ACK=300><CTL=ACK>`.

use std::fmt;
use std::str::FromStr;

use super::{Arrow, End, Fate};
use crate::segment::{Flags, Options, Timestamps};

const DEFAULT_WINDOW: u16 = 65_535;
const DEFAULT_TTL: u8 = 64;

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{name}={value}` is not a number that fits"))
}

fn pair(name: &str, value: &str, separator: char) -> Result<(u32, u32), String> {
    let (a, b) = value.split_once(separator).ok_or_else(|| format!("{name} needs two numbers, as 1{separator}2"))?;
    Ok((number(name, a)?, number(name, b)?))
}

fn flags(value: &str) -> Result<Flags, String> {
    value.split(',').try_fold(Flags::default(), |all, word| {
        Ok(all
            | match word.trim() {
                "FIN" => Flags::FIN,
                "SYN" => Flags::SYN,
                "RST" => Flags::RST,
                "PSH" => Flags::PSH,
                "ACK" => Flags::ACK,
                "URG" => Flags::URG,
                "ECE" => Flags::ECE,
                "CWR" => Flags::CWR,
                "-" => Flags::default(),
                other => return Err(format!("`{other}` is not a flag; use SYN, ACK, FIN, RST, PSH, URG, ECE, CWR")),
            })
    })
}

/// The arrow whose fields are `fields`, each without its brackets. An error names the field's index.
pub(super) fn arrow(from: End, fate: Fate, fields: &[&str]) -> Result<Arrow, (usize, String)> {
    let mut arrow = Arrow {
        from,
        fate,
        captured: fate != Fate::LostBeforeTap,
        seq: 0,
        ack: 0,
        flags: Flags::default(),
        len: 0,
        window: DEFAULT_WINDOW,
        ttl: DEFAULT_TTL,
        ip_id: None,
        options: Options::default(),
    };
    let mut seen: Vec<&str> = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        if seen.contains(&name) {
            return Err((i, format!("{name} is given twice")));
        }
        seen.push(name);
        set(&mut arrow, name, value).map_err(|cause| (i, cause))?;
    }
    for needed in ["SEQ", "CTL"] {
        if !seen.contains(&needed) {
            return Err((0, format!("<{needed}=…> is missing")));
        }
    }
    if arrow.flags.has(Flags::ACK) != seen.contains(&"ACK") {
        return Err((0, "<ACK=…> and the flag ACK go together".to_owned()));
    }
    Ok(arrow)
}

fn set(arrow: &mut Arrow, name: &str, value: &str) -> Result<(), String> {
    let options = &mut arrow.options;
    match name {
        "SEQ" => arrow.seq = number(name, value)?,
        "ACK" => arrow.ack = number(name, value)?,
        "CTL" => arrow.flags = flags(value)?,
        "LEN" => arrow.len = number(name, value)?,
        "WIN" => arrow.window = number(name, value)?,
        "TTL" => arrow.ttl = number(name, value)?,
        "ID" => arrow.ip_id = Some(number(name, value)?),
        "TS" => {
            let (value, echo) = pair(name, value, '/')?;
            options.timestamps = Some(Timestamps { value, echo });
        }
        "MSS" => options.mss = Some(number(name, value)?),
        "WS" => options.window_scale = Some(number(name, value)?),
        "SACKOK" => options.sack_permitted = true,
        "TFO" => options.fast_open = true,
        "SACK" => {
            for block in value.split(',') {
                let i = usize::from(options.sack_blocks);
                let slot = options.sack.get_mut(i).ok_or("at most three SACK blocks")?;
                *slot = pair(name, block, '-')?;
                options.sack_blocks += 1;
            }
        }
        _ => return Err(format!("`{name}` is not a field; see the notation in the module `ladder`")),
    }
    Ok(())
}

/// The fields as [`arrow`] reads them; defaults are left out.
pub(super) fn write(f: &mut impl fmt::Write, arrow: &Arrow) -> fmt::Result {
    write!(f, "<SEQ={}>", arrow.seq)?;
    if arrow.flags.has(Flags::ACK) {
        write!(f, "<ACK={}>", arrow.ack)?;
    }
    write!(f, "<CTL={}>", arrow.flags)?;
    if arrow.len != 0 {
        write!(f, "<LEN={}>", arrow.len)?;
    }
    if arrow.window != DEFAULT_WINDOW {
        write!(f, "<WIN={}>", arrow.window)?;
    }
    let options = &arrow.options;
    if let Some(mss) = options.mss {
        write!(f, "<MSS={mss}>")?;
    }
    if let Some(scale) = options.window_scale {
        write!(f, "<WS={scale}>")?;
    }
    if options.sack_permitted {
        f.write_str("<SACKOK>")?;
    }
    if options.fast_open {
        f.write_str("<TFO>")?;
    }
    if let Some(ts) = options.timestamps {
        write!(f, "<TS={}/{}>", ts.value, ts.echo)?;
    }
    if !options.sack().is_empty() {
        let blocks: Vec<String> = options.sack().iter().map(|(a, b)| format!("{a}-{b}")).collect();
        write!(f, "<SACK={}>", blocks.join(","))?;
    }
    if arrow.ttl != DEFAULT_TTL {
        write!(f, "<TTL={}>", arrow.ttl)?;
    }
    if let Some(id) = arrow.ip_id {
        write!(f, "<ID={id}>")?;
    }
    Ok(())
}

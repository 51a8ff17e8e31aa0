//! "Did you mean": the nearest of some words.

/// No known word is as long: of what was typed, so much is compared.
const LONGEST: usize = 64;

/// The candidate with the fewest single-letter changes and swaps of neighbours from `word`, if they are few for its length.
/// Case does not matter, nor whether parts are joined by `-` or `_`.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.trim().chars().take(LONGEST).collect::<String>().to_lowercase().replace('_', "-");
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_offered_and_far_ones_not() {
        let words = ["port", "portrange", "host", "CLOSE_WAIT", "close-wait-stuck"];
        assert_eq!(nearest("prot", words), Some("port"));
        assert_eq!(nearest("close-wiat", words), Some("CLOSE_WAIT"));
        assert_eq!(nearest("close_wait_stuk", words), Some("close-wait-stuck"));
        assert_eq!(nearest("elephant", words), None);
        assert_eq!(nearest("xyz", words), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), words), None);
    }
}

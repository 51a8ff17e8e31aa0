//! "Did you mean": which of some words somebody meant who wrote another.

/// No known word is as long: of what was typed, so much is compared.
const LONGEST: usize = 64;

/// Letters that have to be there to go by the beginning of a word.
const BEGUN: usize = 3;

/// More words than this are no suggestion, but a list.
const MOST: usize = 8;

/// The candidates that `word` may stand for: those that it is the beginning of; else the one with the fewest
/// single-letter changes and swaps of neighbours, if they are few for its length; else those that have it as a part.
/// Case does not matter, nor whether parts are joined by `-` or `_`.
pub fn meant<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = plain(word);
    let candidates: Vec<(String, &'a str)> = candidates.into_iter().map(|name| (plain(name), name)).collect();
    let such = |is: &dyn Fn(&str) -> bool| -> Vec<&'a str> {
        let found = candidates.iter().filter(|(plain, _)| word.chars().count() >= BEGUN && is(plain));
        found.map(|(_, name)| *name).collect()
    };
    let begun = such(&|name| name.starts_with(&word));
    if (1..=MOST).contains(&begun.len()) {
        return begun;
    }
    let near = candidates
        .iter()
        .map(|(plain, name)| (strsim::osa_distance(&word, plain), *name))
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, name)) = near {
        return vec![name];
    }
    let with_part = such(&|name| name.split('-').any(|part| part.starts_with(&word)) || name.contains(&word));
    if with_part.len() <= MOST { with_part } else { Vec::new() }
}

/// The question whether one of the candidates was meant by `word`.
pub fn suggestion<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    asked(&meant(word, candidates))
}

/// The question whether one of `names` was meant; none if there are none.
pub fn asked(names: &[impl AsRef<str>]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    let (last, rest) = quoted.split_last()?;
    let rest = rest.join(", ");
    let or = if rest.is_empty() { "" } else { " or " };
    Some(format!("did you mean {rest}{or}{last}?"))
}

fn plain(word: &str) -> String {
    word.trim().chars().take(LONGEST).collect::<String>().to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 6] = ["port", "portrange", "host", "CLOSE_WAIT", "close-wait-stuck", "fin-wait-2-stuck"];

    #[test]
    fn near_words_are_offered_and_far_ones_not() {
        assert_eq!(meant("prot", WORDS), ["port"]);
        assert_eq!(meant("close-wiat", WORDS), ["CLOSE_WAIT"]);
        assert_eq!(meant("close_wait_stuk", WORDS), ["close-wait-stuck"]);
        assert!(meant("elephant", WORDS).is_empty());
        assert!(meant("xyz", WORDS).is_empty());
        assert!(meant(&"x".repeat(1 << 20), WORDS).is_empty());
        assert!(meant("", WORDS).is_empty());
    }

    #[test]
    fn half_typed_words_and_parts_of_words_are_offered() {
        assert_eq!(meant("por", WORDS), ["port", "portrange"]);
        assert_eq!(meant("Close", WORDS), ["CLOSE_WAIT", "close-wait-stuck"]);
        assert_eq!(meant("stuck", WORDS), ["close-wait-stuck", "fin-wait-2-stuck"]);
        assert_eq!(meant("wait-2", WORDS), ["fin-wait-2-stuck"]);
        assert!(meant("po", ["portrange"]).is_empty(), "two letters begin too many words");
        assert!(meant("abc", ["abc-1"; 9]).is_empty(), "a list is no suggestion");
    }

    #[test]
    fn suggestions_are_questions() {
        assert_eq!(suggestion("prot", WORDS).as_deref(), Some("did you mean `port`?"));
        assert_eq!(suggestion("por", WORDS).as_deref(), Some("did you mean `port` or `portrange`?"));
        assert_eq!(asked(&["a", "b", "c"]).as_deref(), Some("did you mean `a`, `b` or `c`?"));
        assert_eq!(suggestion("xyz", WORDS), None);
    }
}

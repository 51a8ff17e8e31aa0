//! Numbers of connections in order of their first packets.

/// The number of each, and where each number stands.
#[derive(Debug)]
pub enum Numbers {
    /// They are counted from 1.
    FromOne,
    /// Those that are still there where others were let go: numbers that ascend.
    Ascending(Vec<u64>),
    /// Any numbers, and the positions of these in the order of the numbers.
    Any(Vec<u64>, Vec<u32>),
}

impl Numbers {
    /// These numbers.
    pub fn of(numbers: Vec<u64>) -> Numbers {
        if numbers.is_sorted() {
            return Numbers::Ascending(numbers);
        }
        let mut positions: Vec<u32> = (0..numbers.len() as u32).collect();
        positions.sort_by_key(|position| numbers[*position as usize]);
        Numbers::Any(numbers, positions)
    }

    /// The number at this position.
    #[inline]
    pub fn at(&self, position: usize) -> u64 {
        match self {
            Numbers::FromOne => position as u64 + 1,
            Numbers::Ascending(numbers) | Numbers::Any(numbers, _) => numbers[position],
        }
    }

    /// The position of this number; of one that is not there any, or one behind the last.
    pub fn position(&self, number: u64) -> usize {
        match self {
            Numbers::FromOne => (number as usize).saturating_sub(1),
            Numbers::Ascending(numbers) => numbers.partition_point(|other| *other < number),
            Numbers::Any(numbers, positions) => {
                let found = positions.partition_point(|position| numbers[*position as usize] < number);
                positions.get(found).map_or(numbers.len(), |position| *position as usize)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_stands_at_its_position() {
        for given in [vec![1, 2, 3, 4], vec![2, 5, 6, 90], vec![7, 3, 9, 4]] {
            let numbers = Numbers::of(given.clone());
            for (position, number) in given.iter().enumerate() {
                assert_eq!((numbers.at(position), numbers.position(*number)), (*number, position), "{given:?}");
            }
            let missing = numbers.position(50);
            assert!(given.get(missing).is_none_or(|other| *other != 50), "{given:?}");
        }
        assert_eq!((Numbers::FromOne.at(6), Numbers::FromOne.position(7)), (7, 6));
    }
}

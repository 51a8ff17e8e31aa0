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
        let positions = in_order(0..numbers.len() as u32, |position| numbers[position as usize]);
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

/// These indices, which ascend, in the order of their numbers, those with the same one as they come. Nearly all are in order
/// anyway, and a few come late: the former are not compared but with the latter.
pub fn in_order(indices: impl Iterator<Item = u32>, number: impl Fn(u32) -> u64) -> Vec<u32> {
    let (mut due, mut late, mut latest) = (Vec::new(), Vec::new(), 0);
    due.reserve_exact(indices.size_hint().0);
    for index in indices {
        let number = number(index);
        if number < latest {
            late.push((number, index));
        } else {
            latest = number;
            due.push(index);
        }
    }
    if late.is_empty() {
        return due;
    }
    late.sort_unstable();
    let (mut order, mut due) = (Vec::with_capacity(due.len() + late.len()), due.into_iter().peekable());
    for late in late {
        while let Some(index) = due.next_if(|index| (number(*index), *index) < late) {
            order.push(index);
        }
        order.push(late.1);
    }
    order.extend(due);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_late_stand_where_their_number_does() {
        for given in [vec![], vec![1, 2, 2, 5], vec![2, 5, 3, 3, 6, 1, 6, 5], vec![u64::MAX, 4, 3, 9, 0, 9]] {
            let mut sorted: Vec<u32> = (0..given.len() as u32).collect();
            sorted.sort_by_key(|index| given[*index as usize]);
            assert_eq!(in_order(0..given.len() as u32, |index| given[index as usize]), sorted, "{given:?}");
        }
    }

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

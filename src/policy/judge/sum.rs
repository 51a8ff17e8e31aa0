//! Several verdicts as one.

use super::listed::Listed;
use super::{Part, Status};
use crate::render::units::count;

/// The worst of `parts`, with what all of them list. Nothing at all passes.
pub fn sum(parts: Vec<Part>) -> Part {
    let status = parts.iter().map(|part| part.status).max().unwrap_or(Status::Pass);
    let of_that: Vec<&Part> = parts.iter().filter(|part| part.status == status).collect();
    let message = match of_that.as_slice() {
        [] => String::new(),
        [one] => one.message.clone(),
        [first, rest @ ..] => format!("{}; and {} more", first.message, count(rest.len() as u64)),
    };
    // Of the groups that hold nothing needs to be listed unless all hold.
    let (mut offences, mut doubts) = (Listed::default(), Listed::default());
    for part in parts {
        offences.append(part.offences);
        doubts.append(part.doubts);
    }
    Part { status, message, offences, doubts }
}

/// The worst of `parts`, all of which are told.
pub fn join(parts: Vec<Part>) -> Part {
    let status = parts.iter().map(|part| part.status).max().unwrap_or(Status::Pass);
    let told: Vec<String> =
        parts.iter().filter(|part| part.status == status).map(|part| part.message.clone()).collect();
    let mut sum = sum(parts);
    sum.message = told.join("; ");
    sum
}

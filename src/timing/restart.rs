//! How measurements begin anew for another connection, in the memory they have.

use super::blame::Blame;
use super::close::Close;
use super::flow::{Flow, Measured};
use super::handshake::Handshake;
use super::round_trip::RoundTrip;
use super::turn::Turns;
use crate::pack::{In, Out, Pack};

/// What connections that are measured one after the other have in common.
#[derive(Default)]
pub struct Spare {
    /// The memory of the flow of one that is looked at no more.
    pub(super) flow: Option<Box<Flow>>,
    /// Nobody asks for proofs.
    pub(super) without_proofs: bool,
}

impl Spare {
    /// A flow that begins anew, in the memory there is.
    pub(super) fn take(&mut self) -> Box<Flow> {
        let mut flow = self.flow.take().unwrap_or_default();
        flow.restart();
        flow
    }
}

/// Nothing in it counts.
impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spare")
    }
}

impl Clone for Spare {
    fn clone(&self) -> Spare {
        Spare::default()
    }
}

/// It is never packed.
impl Pack for Spare {
    fn blank() -> Self {
        Spare::default()
    }

    fn is_blank(&self) -> bool {
        true
    }

    fn pack(&self, _: &mut Out<'_>) {}

    fn read(&mut self, _: &mut In<'_>) {}
}

impl Measured {
    /// Begins anew, with the memory it has.
    pub fn restart(&mut self) {
        let Measured { handshake, flow, proofs, proven, last_proof, opening, refused_after, refused, spare } = self;
        if flow.is_some() {
            spare.flow = flow.take();
        }
        *handshake = Handshake::default();
        proofs.restart();
        (*proven, *last_proof, *opening, *refused_after, *refused) = Default::default();
    }
}

impl Flow {
    /// Begins anew, with the memory it has.
    pub(super) fn restart(&mut self) {
        let Flow {
            trips,
            turns,
            samples,
            gaps,
            close,
            blame,
            least,
            settled,
            content,
            zero,
            held,
            proofs,
            client,
            given_up,
            ttl,
        } = self;
        trips.iter_mut().for_each(RoundTrip::restart);
        *turns = Turns::default();
        samples.restart();
        gaps.restart();
        *close = Close::default();
        *blame = Blame::default();
        (*least, *settled, *content) = Default::default();
        zero.clear();
        held.clear();
        proofs.restart();
        (*client, *given_up, *ttl) = Default::default();
    }
}

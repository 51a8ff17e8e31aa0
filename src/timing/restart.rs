//! How measurements begin anew for another connection, in the memory they have.

use super::blame::Blame;
use super::close::Close;
use super::flow::{Flow, Measured};
use super::handshake::Handshake;
use super::pause::Gaps;
use super::round_trip::RoundTrip;
use super::turn::Turns;
use crate::pack::{In, Out, Pack};

/// The memory of a connection's flow that is looked at no more.
#[derive(Default)]
pub struct Spare(pub(super) Option<Box<Flow>>);

impl Spare {
    /// A flow that begins anew, in the memory there is.
    pub(super) fn take(&mut self) -> Box<Flow> {
        let mut flow = self.0.take().unwrap_or_default();
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
        Spare(None)
    }
}

/// It is never packed.
impl Pack for Spare {
    fn blank() -> Self {
        Spare(None)
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
            spare.0 = flow.take();
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
        *gaps = Gaps::default();
        *close = Close::default();
        *blame = Blame::default();
        (*least, *settled, *content, *zero, *held) = Default::default();
        proofs.restart();
        (*client, *given_up, *ttl) = Default::default();
    }
}

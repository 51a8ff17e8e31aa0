//! The segments of one connection, each with what was believed when it had been captured.

use crate::report::{Connection, PerSide};
use crate::segment::Segment;
use crate::time::Time;
use crate::tracker::{self, Class, Profile, State, States, Taken, Tracker};

/// One captured segment.
#[derive(Clone, Debug)]
pub struct Row {
    /// It.
    pub segment: Segment,
    /// When it counts as sent: later than captured, where the tap's clock went back.
    pub dated: Time,
    /// What it was within its connection.
    pub class: Class,
    /// It acknowledged more than any segment of its sender before.
    pub advances: bool,
    /// What both ends were believed to be in at that moment, in the order of the connection's sockets.
    pub believed: [State; 2],
    /// All that was possible then.
    pub possible: [States; 2],
}

/// Takes all segments of a capture and keeps those of one connection, or of all.
#[derive(Debug)]
pub struct Collector {
    profile: Profile,
    tracker: Tracker,
    wanted: Option<Connection>,
    rows: Vec<(usize, Row)>,
}

/// Whether the tracker's connection is the one reported.
fn is_same(tracked: &tracker::Connection, wanted: &Connection) -> bool {
    tracked.first_packet == wanted.first_packet
        && tracked.incarnation == wanted.incarnation
        && tracked.sockets.contains(&wanted.client)
        && tracked.sockets.contains(&wanted.server)
}

impl Collector {
    /// Of `wanted`, or, without one, of every connection until [`Collector::rows`] says of which.
    pub fn new(profile: Profile, wanted: Option<Connection>) -> Collector {
        Collector { profile, tracker: Tracker::new(), wanted, rows: Vec::new() }
    }

    /// Takes one segment, in capture order.
    pub fn segment(&mut self, segment: &Segment) {
        let ends = [segment.src, segment.dst];
        if self.wanted.as_ref().is_some_and(|w| ends != [w.client, w.server] && ends != [w.server, w.client]) {
            return;
        }
        // A SYN that waits to be told from an old connection's is kept in case the new one begins with it.
        let waits = self.wanted.as_ref().is_some_and(|w| w.first_packet == segment.packet && w.client == segment.src);
        let Taken { connection, sender, class, advances } = self.tracker.segment(segment);
        let tracked = self.tracker.connection(connection);
        let keep = self.wanted.as_ref().is_none_or(|w| is_same(&tracked, w));
        if !keep && !waits {
            return;
        }
        let dated = if keep { tracked.dated(sender, segment) } else { segment.time };
        let verdicts = tracked.verdicts(dated, &self.profile);
        let row = Row {
            segment: *segment,
            dated,
            class: if keep { class } else { Class::Opening },
            advances,
            believed: if keep { [verdicts[0].state(), verdicts[1].state()] } else { [State::SynSent, State::Closed] },
            possible: [verdicts[0].possible, verdicts[1].possible],
        };
        self.rows.push((if keep { connection } else { usize::MAX }, row));
    }

    /// How many segments are kept.
    pub fn kept(&self) -> usize {
        self.rows.len()
    }

    /// The segments of `connection`, with what was believed put in the order of client and server.
    pub fn rows(self, connection: &Connection) -> Vec<(Row, PerSide<State>)> {
        let tracked = self.tracker.connections();
        let Some(index) = tracked.iter().position(|c| is_same(c, connection)) else { return Vec::new() };
        let client = usize::from(tracked[index].sockets[0] != connection.client);
        let rows = self
            .rows
            .into_iter()
            .filter(|(i, row)| *i == index || *i == usize::MAX && row.segment.packet == connection.first_packet);
        rows.map(|(i, row)| {
            let sides = if i == usize::MAX { [0, 1] } else { [client, 1 - client] };
            let believed = PerSide { client: row.believed[sides[0]], server: row.believed[sides[1]] };
            (row, believed)
        })
        .collect()
    }
}

//! One end: a smoltcp interface with one socket, and what really happened to it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use tcpstate::segment::{Flags, Socket};
use tcpstate::time::Time;
use tcpstate::tracker::State;

use super::dice::Dice;

/// What an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Connect,
    Send(usize),
    Close,
    Abort,
}

/// What really happened at one end.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Every state entered, with its time; it begins CLOSED.
    pub states: Vec<(Time, State)>,
    /// When the application closed its side.
    pub closed: Option<Time>,
    /// When it aborted.
    pub aborted: Option<Time>,
    /// When its first FIN left it.
    pub fin_left: Option<Time>,
    /// Its first FIN was lost before the tap.
    pub first_fin_lost: bool,
    /// When it last received a FIN.
    pub last_fin: Option<Time>,
    /// When the peer's FIN was first received in order.
    pub fin_received: Option<Time>,
    /// Which of its flags passed the tap.
    pub passed: Flags,
    /// Payload of its captured segments.
    pub bytes: u64,
    /// Its captured segments.
    pub packets: u64,
}

thread_local! {
    /// smoltcp asks a plain function for timestamps.
    pub static CLOCK: Cell<u32> = const { Cell::new(0) };
}

#[derive(Default)]
pub struct Queue {
    pub rx: VecDeque<Vec<u8>>,
    pub tx: Vec<Vec<u8>>,
}

pub struct Rx(Vec<u8>);
pub struct Tx<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Queue {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx<'_>)> {
        Some((Rx(self.rx.pop_front()?), Tx(&mut self.tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ip;
        caps.max_transmission_unit = 1500;
        caps
    }
}

pub struct End {
    pub iface: Interface,
    pub queue: Queue,
    pub sockets: SocketSet<'static>,
    handle: SocketHandle,
    pub truth: Truth,
    /// How long after the peer's FIN it closes, if it does.
    pub reaction: Option<i64>,
    pub reacted: bool,
}

pub const PORTS: [u16; 2] = [49_152, 80];

impl End {
    pub fn new(index: usize, dice: &mut Dice, stamps: bool) -> End {
        let mut queue = Queue::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = dice.next();
        let mut iface = Interface::new(config, &mut queue, Instant::from_micros(0));
        iface.update_ip_addrs(|a| a.push(IpCidr::new(address(index), 24)).expect("room for an address"));
        let buffer = || tcp::SocketBuffer::new(vec![0; 8192]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_tsval_generator(stamps.then_some(|| CLOCK.get()));
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        let truth = Truth { states: vec![(Time(0), State::Closed)], ..Truth::default() };
        End { iface, queue, sockets, handle, truth, reaction: None, reacted: false }
    }

    pub fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    pub fn note_state(&mut self, now: Time) {
        let state = match self.socket().state() {
            // A listening socket waits for a connection; it has none.
            tcp::State::Closed | tcp::State::Listen => State::Closed,
            tcp::State::SynSent => State::SynSent,
            tcp::State::SynReceived => State::SynRcvd,
            tcp::State::Established => State::Established,
            tcp::State::FinWait1 => State::FinWait1,
            tcp::State::FinWait2 => State::FinWait2,
            tcp::State::CloseWait => State::CloseWait,
            tcp::State::Closing => State::Closing,
            tcp::State::LastAck => State::LastAck,
            tcp::State::TimeWait => State::TimeWait,
        };
        if matches!(state, State::CloseWait | State::Closing | State::TimeWait | State::LastAck) {
            self.truth.fin_received.get_or_insert(now);
        }
        if self.state() != state {
            self.truth.states.push((now, state));
        }
    }

    pub fn state(&self) -> State {
        self.truth.states.last().map_or(State::Closed, |s| s.1)
    }

    /// Takes one packet if there is one; whether there was.
    pub fn ingress(&mut self, now: Time) -> bool {
        let at = Instant::from_micros(now.0 / 1_000);
        let result = self.iface.poll_ingress_single(at, &mut self.queue, &mut self.sockets);
        self.note_state(now);
        let socket = self.socket();
        while socket.can_recv() {
            let _ = socket.recv(|data| (data.len(), ()));
        }
        result != PollIngressSingleResult::None
    }

    /// Sends what is due.
    pub fn egress(&mut self, now: Time) {
        let at = Instant::from_micros(now.0 / 1_000);
        loop {
            let sent = self.queue.tx.len();
            let result = self.iface.poll_egress(at, &mut self.queue, &mut self.sockets);
            self.note_state(now);
            if result == PollResult::None && self.queue.tx.len() == sent {
                return;
            }
        }
    }

    pub fn act(&mut self, action: Action, now: Time) {
        let peer = (address(1), PORTS[1]);
        match action {
            Action::Connect => {
                // The left end's port and address are the peer of the right one, in a simultaneous open.
                let own = self.iface.ip_addrs()[0].address();
                let (port, peer) =
                    if own == address(0) { (PORTS[0], peer) } else { (PORTS[1], (address(0), PORTS[0])) };
                let context = self.iface.context();
                let socket = self.sockets.get_mut::<tcp::Socket>(self.handle);
                socket.connect(context, peer, port).expect("a closed socket can connect");
            }
            Action::Send(n) => {
                let socket = self.socket();
                if socket.can_send() {
                    let _ = socket.send_slice(&vec![7; n]);
                }
            }
            Action::Close => {
                let open = matches!(self.state(), State::Established | State::CloseWait);
                self.socket().close();
                if open {
                    self.truth.closed.get_or_insert(now);
                }
            }
            Action::Abort => {
                if !matches!(self.state(), State::Closed | State::SynSent) {
                    self.truth.aborted.get_or_insert(now);
                    self.socket().abort();
                }
            }
        }
        self.note_state(now);
    }
}

pub fn address(index: usize) -> IpAddress {
    IpAddress::v4(10, 0, 0, index as u8 + 1)
}

pub fn socket(index: usize) -> Socket {
    Socket { addr: IpAddr::V4(Ipv4Addr::new(10, 0, 0, index as u8 + 1)), port: PORTS[index] }
}

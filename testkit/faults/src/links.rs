//! The links between the members of a set, each a relay on this machine, so that one can be cut: what is sent over it is neither
//! refused nor answered, as on a broken network. Clients reach a member by another link than the members do.

use std::{
    collections::HashSet,
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use testkit::{
    own_server::{OwnServer, free_port},
    own_set::OwnSet,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Who has opened a connection: a member, by its place, or a client.
type From = Option<usize>;

/// The links of a set.
pub struct Links {
    /// The processes of the members, by which the relays know who calls.
    processes: Arc<Mutex<Vec<Option<u32>>>>,
    /// From whom to which member nothing gets through.
    cut: watch::Sender<HashSet<(From, usize)>>,
}

impl Links {
    /// A set of three whose members know each other, and are known to clients, by relays only. `None` where no program is to be had.
    pub async fn start() -> Option<(OwnSet, Self)> {
        let mut members = Vec::new();
        for _ in 0..3 {
            members.push(OwnServer::program()?);
        }
        let links = Self { processes: Arc::default(), cut: watch::Sender::default() };
        links.look(&members);
        let mut ports = Vec::new();
        for (place, member) in members.iter().enumerate() {
            let port = free_port();
            let listener = TcpListener::bind(("127.0.0.1", port)).await.ok()?;
            let (processes, cut) = (Arc::clone(&links.processes), links.cut.subscribe());
            tokio::spawn(accept(listener, member.port(), place, processes, cut));
            ports.push(port);
        }
        Some((OwnSet::of(members, ports, false).await, links))
    }

    /// Learns the processes of members anew, after one was started again.
    pub fn look(&self, members: &[OwnServer]) {
        let processes = members.iter().map(OwnServer::process).collect();
        *self.processes.lock().unwrap_or_else(PoisonError::into_inner) = processes;
    }

    /// Cuts a member off from the others, in both directions. Clients still reach it.
    pub fn cut_off(&self, member: usize) {
        self.cut.send_replace(
            (0..3)
                .filter(|other| *other != member)
                .flat_map(|other| [(Some(member), other), (Some(other), member)])
                .collect(),
        );
    }

    /// Mends all links. What was sent meanwhile is lost with its connection.
    pub fn mend(&self) {
        self.cut.send_replace(HashSet::new());
    }
}

async fn accept(
    listener: TcpListener,
    port: u16,
    to: usize,
    processes: Arc<Mutex<Vec<Option<u32>>>>,
    cut: watch::Receiver<HashSet<(From, usize)>>,
) {
    while let Ok((caller, address)) = listener.accept().await {
        let (processes, mut cut) = (processes.lock().unwrap_or_else(PoisonError::into_inner).clone(), cut.clone());
        tokio::spawn(async move {
            let caller_port = address.port();
            let from = tokio::task::spawn_blocking(move || member_at(caller_port, &processes)).await.ok().flatten();
            let is_cut = |cut: &HashSet<(From, usize)>| cut.contains(&(from, to));
            // A connection that is begun while the link is cut waits like all the others.
            if !is_cut(&cut.borrow()) {
                tokio::select! {
                    () = relay(caller, port) => return,
                    _ = cut.wait_for(is_cut) => {}
                }
            }
            // Both ends are held open, and silent, until the link is mended; then they are closed.
            cut.wait_for(|cut| !is_cut(cut)).await.ok();
        });
    }
}

async fn relay(mut caller: TcpStream, port: u16) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    for end in [&caller, &server] {
        end.set_nodelay(true).ok();
    }
    copy_bidirectional(&mut caller, &mut server).await.ok();
}

/// The member whose process has this port; none if it is a client's.
fn member_at(port: u16, processes: &[Option<u32>]) -> From {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let local = format!("0100007F:{port:04X}");
    let line = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let socket = line
        .into_iter()
        .find(|line| line.get(1) == Some(&local.as_str()))?
        .get(9)
        .map(|id| format!("socket:[{id}]"))?;
    processes.iter().position(|process| {
        let files = process.and_then(|id| fs::read_dir(format!("/proc/{id}/fd")).ok());
        files
            .into_iter()
            .flatten()
            .flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|link| link.to_str() == Some(&socket)))
    })
}

//! A replica set of three members of one test, whose members may be killed, frozen and started again. It elects a new primary
//! after half a second.

use bson::{Document, doc};
use tokio::time::{Duration, sleep};

use crate::own_server::OwnServer;

pub struct OwnSet {
    pub members: Vec<OwnServer>,
    /// By which ports its members know each other, and clients them.
    pub ports: Vec<u16>,
}

impl OwnSet {
    /// A set of three, up, whose first member is the primary and whose last may be an arbiter; `None` if `scripts/with-mongo`
    /// has found no program to start.
    pub async fn start(with_arbiter: bool) -> Option<Self> {
        let mut members = Vec::new();
        for _ in 0..3 {
            members.push(OwnServer::program()?);
        }
        let ports = members.iter().map(OwnServer::port).collect();
        Some(Self::of(members, ports, with_arbiter).await)
    }

    /// These members, which are known by other ports than they listen on.
    pub async fn of(members: Vec<OwnServer>, ports: Vec<u16>, with_arbiter: bool) -> Self {
        for member in &members {
            member.direct().await.run_command(doc! { "ping": 1 }).await.unwrap();
        }
        let set = (0..).zip(&ports).map(|(place, port)| {
            let arbiter = with_arbiter && place == 2;
            // Only the first can be elected at the start.
            let priority = if arbiter { 0 } else { 3 - place };
            doc! { "_id": place, "host": format!("127.0.0.1:{port}"), "priority": priority, "arbiterOnly": arbiter }
        });
        let set: Vec<Document> = set.collect();
        let settings = doc! { "electionTimeoutMillis": 500, "heartbeatIntervalMillis": 200 };
        let config = doc! { "_id": "rs0", "members": set, "settings": settings };
        let first = members[0].direct().await;
        first.run_command(doc! { "replSetInitiate": config }).await.unwrap();
        while !members[0].is_primary().await {
            sleep(Duration::from_millis(100)).await;
        }
        let set = Self { members, ports };
        set.members[0].wait().await;
        set
    }

    /// Its address with a database.
    pub fn address(&self) -> String {
        let hosts: Vec<_> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("mongodb://{}/basket_db?replicaSet=rs0", hosts.join(","))
    }
}

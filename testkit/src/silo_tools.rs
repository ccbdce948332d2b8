//! What the tools need to know of a silo: its state as rows, its events in words.

use basket_cli::domain::{Domain, Row};

use crate::silo::{
    Officer, Silo,
    SiloEvent::{self, KeyTurned, MissileLaunched, SiloArmed},
    Silos,
};

impl Domain for Silos {
    type Value = String;

    const TYPES: &'static [&'static str] = &["SiloArmed", "KeyTurned", "MissileLaunched"];
    const ROW: &'static str = "part";
    const VALUE: &'static str = "state";
    const EXAMPLE_ID: &'static str = "north";

    fn parse_id(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn in_words(event: &SiloEvent) -> String {
        match event {
            SiloArmed => "armed the silo".into(),
            KeyTurned { officer } => format!("turned the {}", key(*officer)),
            MissileLaunched => "launched the missile".into(),
        }
    }

    fn about(event: &SiloEvent) -> Vec<&str> {
        vec![match event {
            SiloArmed => "silo",
            KeyTurned { officer } => key(*officer),
            MissileLaunched => "missile",
        }]
    }

    fn rows(silo: &Silo) -> Vec<Row<String>> {
        let officers = [Officer::Commander, Officer::Deputy];
        let keys =
            officers.into_iter().filter(|officer| silo.key_turned(*officer)).map(|officer| (key(officer), "turned"));
        let silo_armed = silo.armed().then_some(("silo", "armed"));
        let launched = silo.launched().then_some(("missile", "launched"));
        let rows = silo_armed.into_iter().chain(keys).chain(launched);
        rows.map(|(name, value)| Row { name: name.into(), value: value.into() }).collect()
    }
}

fn key(officer: Officer) -> &'static str {
    match officer {
        Officer::Commander => "commander's key",
        Officer::Deputy => "deputy's key",
    }
}

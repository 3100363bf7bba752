//! A user manager that writes down which units it is asked to run and ends them as a test wants.

use std::sync::{Arc, Mutex};

use zbus::{
    Connection, fdo, interface,
    object_server::SignalEmitter,
    zvariant::{OwnedObjectPath, OwnedValue},
};

use super::PrivateBus;

const PATH: &str = "/org/freedesktop/systemd1";

type Properties = Vec<(String, OwnedValue)>;

/// A unit as it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) name: String,
    /// The program, and its arguments with its own name first.
    pub(super) command: (String, Vec<String>),
    pub(super) properties: Vec<String>,
}

/// A user manager, which is there until it is dropped.
pub(super) struct Manager {
    units: Arc<Mutex<Vec<Unit>>>,
    _served: Connection,
}

impl Manager {
    /// A manager with a display or without, whose jobs end with `result`, or run on.
    pub(super) async fn start(
        bus: &PrivateBus,
        display: bool,
        result: Option<&'static str>,
    ) -> Self {
        let units = Arc::default();
        let serving = Serving { display, result, units: Arc::clone(&units), subscribed: false };
        let builder = bus.builder().name("org.freedesktop.systemd1").unwrap();
        let served = builder.serve_at(PATH, serving).unwrap().build().await.unwrap();
        Self { units, _served: served }
    }

    pub(super) fn units(&self) -> Vec<Unit> {
        self.units.lock().unwrap().clone()
    }
}

struct Serving {
    display: bool,
    result: Option<&'static str>,
    units: Arc<Mutex<Vec<Unit>>>,
    subscribed: bool,
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Serving {
    fn subscribe(&mut self) {
        self.subscribed = true;
    }

    async fn start_transient_unit(
        &self,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
        name: String,
        mode: String,
        properties: Properties,
        auxiliary: Vec<(String, Properties)>,
    ) -> fdo::Result<OwnedObjectPath> {
        assert_eq!((mode.as_str(), auxiliary.len()), ("fail", 0));
        let start = properties.iter().find(|(name, _)| name == "ExecStart").unwrap();
        let mut commands: Vec<(String, Vec<String>, bool)> =
            start.1.try_clone().unwrap().try_into().unwrap();
        let (program, arguments, _) = commands.pop().unwrap();
        let properties = properties.iter().map(|(name, value)| match &**value {
            zbus::zvariant::Value::Str(text) => format!("{name}={text}"),
            zbus::zvariant::Value::Array(list) => format!("{name}={list}"),
            _ => name.clone(),
        });
        let properties = properties.collect();
        let unit = Unit { name: name.clone(), command: (program, arguments), properties };
        self.units.lock().unwrap().push(unit);
        let job = |number: u32| OwnedObjectPath::try_from(format!("{PATH}/job/{number}")).unwrap();
        if let Some(result) = self.result.filter(|_| self.subscribed) {
            let other = (1, job(1), "other.service".into(), "failed".into());
            for (id, job, unit, result) in [other, (2, job(2), name, result.to_owned())] {
                Self::job_removed(&emitter, id, job, unit, result).await.unwrap();
            }
        }
        Ok(job(2))
    }

    #[zbus(property)]
    fn environment(&self) -> Vec<String> {
        let display = self.display.then(|| "WAYLAND_DISPLAY=wayland-0".to_owned());
        ["PATH=/usr/bin", "DISPLAY="].map(Into::into).into_iter().chain(display).collect()
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: String,
        result: String,
    ) -> zbus::Result<()>;
}

//! Buses that are not there, that say nothing, and that would start a program.

use super::*;

fn session(variables: &[(&str, &str)]) -> Bus {
    let find = |name: &str| variables.iter().find(|(key, _)| *key == name);
    Bus::session(|name| find(name).map(|(_, value)| value.into()))
}

async fn fault(bus: Bus) -> Fault {
    bus.connect().await.expect_err("there is no bus")
}

#[tokio::test]
async fn without_a_bus_that_is_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();

    assert_eq!(fault(session(&[])).await, Fault::NoBus);
    assert_eq!(fault(session(&[("XDG_RUNTIME_DIR", folder)])).await, Fault::NoBus);
    assert_eq!(fault(session(&[("DBUS_SESSION_BUS_ADDRESS", "nonsense")])).await, Fault::NoBus);
    assert_eq!(fault(Bus::at("unix:path=/nowhere/bus")).await, Fault::NoBus);
}

#[tokio::test]
async fn an_address_never_starts_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let touch = format!("unixexec:path=/usr/bin/touch,argv1={}", started.display());

    for address in ["autolaunch:", "autolaunch:scope=*install-path", &touch] {
        assert_eq!(fault(Bus::at(address)).await, Fault::NoBus, "{address}");
    }

    assert!(!started.exists());
}

#[test]
fn of_several_addresses_those_of_this_machine_are_tried() {
    let addresses = "tcp:host=bus.example,port=1;unix:path=/a;autolaunch:;unix:abstract=b";

    assert_eq!(usable(addresses).collect::<Vec<_>>(), ["unix:path=/a", "unix:abstract=b"]);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_says_nothing_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus");
    let _silent = tokio::net::UnixListener::bind(&path).unwrap();

    let runtime_dir = folder.path().to_str().unwrap();
    assert_eq!(fault(session(&[("XDG_RUNTIME_DIR", runtime_dir)])).await, Fault::Silent);
    let address = format!("unix:path={}", path.display());
    assert_eq!(fault(Bus::at(address)).await, Fault::Silent);
}

#[test]
fn an_error_keeps_the_name_that_a_service_gave_it_and_not_the_text() {
    let secret = "http://127.0.0.1:8765/start/ticket";
    let call = Message::method_call("/", "Open").unwrap().build(&()).unwrap();
    let named = |name: &str| {
        let answer = Message::error(&call.header(), name).unwrap().build(&secret).unwrap();
        Fault::from(zbus::Error::from(answer))
    };

    let refused = named("org.example.Broken");
    assert!(!format!("{refused} {refused:?}").contains("ticket"), "{refused:?}");
    assert_eq!(refused, Fault::Refused { name: "org.example.Broken".into() });
    assert_eq!(named("org.freedesktop.DBus.Error.ServiceUnknown"), Fault::Absent);
    assert_eq!(named("org.freedesktop.DBus.Error.NoReply"), Fault::Silent);
}

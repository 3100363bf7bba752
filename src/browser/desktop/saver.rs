//! What a screen saver knows of the human: a second source, for desktops that lock without
//! telling logind (Idle Inhibition Service, `org.freedesktop.ScreenSaver`). Called by `presence`.

use tokio::sync::mpsc;

use super::{
    Fault,
    bus::{Face, Link, Service},
    presence::News,
};

const NAME: &str = "org.freedesktop.ScreenSaver";
const SAVER: Face<'_> =
    Face { path: "/org/freedesktop/ScreenSaver", interface: "org.freedesktop.ScreenSaver" };

/// Tells whether it is on, until the bus is gone. It is never started for that.
pub(super) async fn follow(link: &Link, news: &mpsc::Sender<News>, known: &mut bool) -> Fault {
    let fault = loop {
        if let Err(fault) = one_owner(link, news, known).await {
            break fault;
        }
    };
    let _the_watch_ended = news.send(News::Saver(false)).await;
    fault
}

/// Follows whoever has the name now, and returns once that has changed.
async fn one_owner(link: &Link, news: &mpsc::Sender<News>, known: &mut bool) -> Result<(), Fault> {
    let mut departure = link.departure(NAME).await?;
    *known = true;
    let telling = async {
        match link.owner(NAME).await {
            Ok(saver) => tell(&saver, news).await,
            Err(Fault::Absent) => {
                let _the_watch_ended = news.send(News::Saver(false)).await;
                std::future::pending().await
            }
            Err(fault) => fault,
        }
    };
    tokio::select! {
        fault = departure.happened() => match fault {
            Fault::Gone => Ok(()),
            fault => Err(fault),
        },
        fault = telling => Err(fault),
    }
}

async fn tell(saver: &Service, news: &mpsc::Sender<News>) -> Fault {
    let telling = async {
        let mut changes = saver.signals(Some("ActiveChanged")).await?;
        // GNOME has the name and not the method; it tells logind.
        let mut active = saver.call(SAVER, "GetActive", &()).await.unwrap_or(false);
        loop {
            let _the_watch_ended = news.send(News::Saver(active)).await;
            active = changes.next().await?.body().deserialize().map_err(|_| Fault::Garbled)?;
        }
    };
    let told: Result<std::convert::Infallible, Fault> = telling.await;
    match told {
        Err(fault) => fault,
    }
}

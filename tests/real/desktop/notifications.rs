//! Notifications on two servers that people use.

use tokio::{process::Command, task::JoinHandle};
use ucsso::browser::desktop::{Answer, Fault, Notice, Notifier};

use super::PrivateBus;
use crate::{
    components,
    process::{Process, run, run_well, until},
};

/// How many pixels of the screen make one of Xfce's.
const SCALE: u32 = 2;

const NAME: &str = "org.freedesktop.Notifications";

/// A desktop with a notification server.
struct Desktop {
    display: String,
    server: Option<Process>,
    _screen: Process,
    bus: PrivateBus,
}

impl Desktop {
    async fn with(server: impl FnOnce(&PrivateBus) -> Command) -> Self {
        let bus = PrivateBus::start().await;
        let screen = ["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"];
        let screen = Process::start(Command::new(components::xvfb()).args(screen));
        let display = until("there is a display", async || {
            let output = screen.output();
            output.lines().find_map(|line| line.parse::<u32>().ok())
        });
        let display = format!(":{}", display.await);
        let command = server(&bus);
        let mut desktop = Self { display, server: None, _screen: screen, bus };
        desktop.serve(command).await;
        desktop
    }

    /// A desktop with dunst. Who asks it for a menu is told that *Not now* was chosen.
    async fn with_dunst() -> Self {
        Self::with(dunst).await
    }

    async fn serve(&mut self, mut command: Command) {
        self.server = Some(Process::start(command.env("DISPLAY", &self.display)));
        self.bus.has(NAME).await;
    }

    fn shows(&self, notice: &Notice) -> JoinHandle<Result<Answer, Fault>> {
        let (notifier, notice) = (Notifier::new(self.bus.bus()), notice.clone());
        tokio::spawn(async move { notifier.show(&notice).await })
    }

    fn command(&self, program: impl AsRef<std::path::Path>) -> Command {
        let mut command = self.bus.command(program);
        command.env("DISPLAY", &self.display);
        command
    }

    async fn dunstctl(&self, words: &[&str]) -> String {
        run_well(self.command(components::dunstctl()).args(words)).await
    }

    /// Waits until dunst shows so many.
    async fn dunst_shows(&self, count: &str) {
        until(&format!("{count} notifications are shown"), async || {
            (self.dunstctl(&["count", "displayed"]).await.trim() == count).then_some(())
        })
        .await;
    }

    /// The window of Xfce's notification, with its width and height.
    async fn window(&self) -> (String, [u32; 2]) {
        let search = ["search", "--onlyvisible", "--name", "xfce4-notifyd"];
        until("the notification has a window", async || {
            // It fails while there is none.
            let found = run(self.command(components::xdotool()).args(search)).await.stdout;
            for window in String::from_utf8(found).unwrap().lines() {
                let geometry = ["getwindowgeometry", "--shell", window];
                let geometry = run(self.command(components::xdotool()).args(geometry)).await.stdout;
                let geometry = String::from_utf8(geometry).unwrap();
                let number = |name: &str| {
                    geometry.lines().find_map(|line| line.strip_prefix(name)?.parse().ok())
                };
                if let (Some(width @ 100..), Some(height)) = (number("WIDTH="), number("HEIGHT=")) {
                    return Some((window.to_owned(), [width, height]));
                }
            }
            None
        })
        .await
    }

    /// Clicks until there is an answer: the first click may come before the window listens.
    async fn click(&self, part_of_width: f64, shown: JoinHandle<Result<Answer, Fault>>) -> Answer {
        until("the button is clicked", async || {
            let (window, [width, height]) = self.window().await;
            let x = (f64::from(width) * part_of_width).round().to_string();
            let y = (height - 31 * SCALE).to_string();
            let place = ["mousemove", "--window", &window, &x, &y, "click", "1"];
            run(self.command(components::xdotool()).args(place)).await;
            shown.is_finished().then_some(())
        })
        .await;
        shown.await.unwrap().unwrap()
    }
}

fn dunst(bus: &PrivateBus) -> Command {
    let (config, menu) = (bus.folder().join("dunstrc"), bus.folder().join("menu"));
    std::fs::write(&menu, "grep -F '#Not now'\n").unwrap();
    std::fs::write(&config, format!("[global]\ndmenu = /bin/sh {}\n", menu.display())).unwrap();
    let mut dunst = bus.command(components::dunst());
    dunst.arg("-conf").arg(config);
    dunst
}

fn xfce(bus: &PrivateBus) -> Command {
    let mut server = bus.command(components::xfce4_notifyd());
    // The picture of it is for the documents.
    server.env("GDK_SCALE", SCALE.to_string());
    server
}

fn notice() -> Notice {
    Notice {
        title: "Log in to hq".into(),
        body: "The token of hq ends at 14:32. A program uses it.".into(),
    }
}

#[tokio::test]
async fn a_click_on_the_notification_begins_a_login() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.dunstctl(&["action", "0"]).await;

    assert_eq!(shown.await.unwrap(), Ok(Answer::LogIn));
    desktop.dunst_shows("0").await;
}

#[tokio::test]
async fn the_menu_of_a_notification_has_not_now() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.dunstctl(&["context"]).await;

    assert_eq!(shown.await.unwrap(), Ok(Answer::NotNow));
}

#[tokio::test]
async fn a_notification_that_is_closed_is_an_answer_of_its_own() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.dunstctl(&["close"]).await;

    assert_eq!(shown.await.unwrap(), Ok(Answer::Closed));
}

#[tokio::test]
async fn a_notification_that_nobody_waits_for_any_more_is_closed() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    shown.abort();

    desktop.dunst_shows("0").await;
}

#[tokio::test]
async fn a_notification_goes_away_with_its_server_and_can_be_shown_by_the_next() {
    let mut desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.server = None;
    assert_eq!(shown.await.unwrap(), Err(Fault::Gone));
    desktop.serve(dunst(&desktop.bus)).await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;
    desktop.bus.stop();

    assert_eq!(shown.await.unwrap(), Err(Fault::NoBus));
}

#[tokio::test]
async fn the_buttons_of_a_notification_are_its_answers() {
    let desktop = Desktop::with(xfce).await;

    let shown = desktop.shows(&notice());
    let picture = components::screens().join("notification.png");
    let (window, _) = desktop.window().await;
    run_well(desktop.command(components::import()).args(["-window", &window]).arg(picture)).await;

    assert_eq!(desktop.click(0.27, shown).await, Answer::LogIn);
    let shown = desktop.shows(&notice());
    assert_eq!(desktop.click(0.72, shown).await, Answer::NotNow);
}

#[tokio::test]
async fn without_a_server_that_is_what_is_said() {
    let bus = PrivateBus::start().await;

    assert_eq!(Notifier::new(bus.bus()).show(&notice()).await, Err(Fault::Absent));
}

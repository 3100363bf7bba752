//! A desktop to show notifications on: a screen that nobody sees, a bus, and a notification server
//! that people use.

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
pub(super) struct Desktop {
    pub(super) display: String,
    pub(super) server: Option<Process>,
    _screen: Process,
    pub(super) bus: PrivateBus,
}

impl Desktop {
    pub(super) async fn with(server: impl FnOnce(&PrivateBus) -> Command) -> Self {
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
    pub(super) async fn with_dunst() -> Self {
        Self::with(dunst).await
    }

    pub(super) async fn serve(&mut self, mut command: Command) {
        self.server = Some(Process::start(command.env("DISPLAY", &self.display)));
        self.bus.has(NAME).await;
    }

    pub(super) fn shows(&self, notice: &Notice) -> JoinHandle<Result<Answer, Fault>> {
        let (notifier, notice) = (Notifier::new(self.bus.bus()), notice.clone());
        tokio::spawn(async move { notifier.show(&notice).await })
    }

    pub(super) fn command(&self, program: impl AsRef<std::path::Path>) -> Command {
        let mut command = self.bus.command(program);
        command.env("DISPLAY", &self.display);
        command
    }

    pub(super) async fn dunstctl(&self, words: &[&str]) -> String {
        run_well(self.command(components::dunstctl()).args(words)).await
    }

    /// Waits until dunst shows so many.
    pub(super) async fn dunst_shows(&self, count: &str) {
        until(&format!("{count} notifications are shown"), async || {
            (self.dunstctl(&["count", "displayed"]).await.trim() == count).then_some(())
        })
        .await;
    }

    /// The window of Xfce's notification, with its width and height.
    pub(super) async fn window(&self) -> (String, [u32; 2]) {
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

    /// Writes what the window of Xfce's notification shows to a PNG file.
    pub(super) async fn picture(&self, name: &str) {
        let (window, _) = self.window().await;
        let mut import = self.command(components::import());
        import.args(["-window", &window]).arg(components::screens().join(name));
        run_well(&mut import).await;
    }

    /// Clicks on one of its two buttons until that has the effect that is waited for: the first
    /// click may come before the window listens.
    pub(super) async fn click<T>(
        &self,
        button: Button,
        mut effect: impl AsyncFnMut() -> Option<T>,
    ) -> T {
        let part_of_width = match button {
            Button::LogIn => 0.27,
            Button::NotNow => 0.72,
        };
        until("the button is clicked", async || {
            let (window, [width, height]) = self.window().await;
            let x = (f64::from(width) * part_of_width).round().to_string();
            let y = (height - 31 * SCALE).to_string();
            let place = ["mousemove", "--window", &window, &x, &y, "click", "1"];
            run(self.command(components::xdotool()).args(place)).await;
            effect().await
        })
        .await
    }
}

/// The buttons of a notification.
#[derive(Debug, Clone, Copy)]
pub(super) enum Button {
    LogIn,
    NotNow,
}

pub(super) fn dunst(bus: &PrivateBus) -> Command {
    let (config, menu) = (bus.folder().join("dunstrc"), bus.folder().join("menu"));
    std::fs::write(&menu, "grep -F '#Not now'\n").unwrap();
    std::fs::write(&config, format!("[global]\ndmenu = /bin/sh {}\n", menu.display())).unwrap();
    let mut dunst = bus.command(components::dunst());
    dunst.arg("-conf").arg(config);
    dunst
}

pub(super) fn xfce(bus: &PrivateBus) -> Command {
    let mut server = bus.command(components::xfce4_notifyd());
    // The picture of it is for the documents.
    server.env("GDK_SCALE", SCALE.to_string());
    server
}

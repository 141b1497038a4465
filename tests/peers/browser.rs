//! A real browser, driven as a person would drive it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use chimera_servers::Program;
use chimera_tests::stack::PATIENCE;
use tokio::time::{Instant, sleep};

use crate::webdriver::{Element, Session};

/// Names the program that drives the browser.
const DRIVER: &str = "CHIMERA_TEST_CHROMEDRIVER";

/// Names the directory that screenshots go to.
const SCREENSHOTS: &str = "CHIMERA_TEST_SCREENSHOTS";

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Chromium without a window; it ends when this is dropped.
pub(crate) struct Browser {
    session: Session,
    _driver: Program,
    screenshots: PathBuf,
}

impl Browser {
    /// Starts one with a new profile.
    ///
    /// # Errors
    /// When there is none, with what to install.
    pub(crate) async fn start() -> Result<Self> {
        let program = Program::find(DRIVER, "chromedriver").with_context(|| {
            format!(
                "there is no browser to look with: install chromium and chromedriver (on Debian `apt-get install chromium \
                 chromium-driver`), or set {DRIVER} to a chromedriver"
            )
        })?;
        let mut driver = Program::start("chromedriver", |directory| {
            let mut command = Command::new(program);
            command.arg("--port=0").env("HOME", directory);
            command
        });
        let port = port(&mut driver).await?;
        let arguments = arguments(driver.directory());
        let session = Session::open(port, &arguments).await;
        Ok(Self {
            session: session.context("starting chromium by chromedriver")?,
            _driver: driver,
            screenshots: screenshots()?,
        })
    }

    /// Opens a page.
    pub(crate) async fn open(&self, url: &str) -> Result<()> {
        self.session.go_to(url).await
    }

    /// Clicks on what `xpath` finds, once it is shown.
    pub(crate) async fn click(&self, xpath: &str) -> Result<()> {
        let element = self.see(xpath).await?;
        self.session.click(&element).await
    }

    /// What `xpath` finds, once it is there and is shown.
    ///
    /// # Errors
    /// When it is not within [`PATIENCE`], with what is on the page instead.
    pub(crate) async fn see(&self, xpath: &str) -> Result<Element> {
        let until = Instant::now() + PATIENCE;
        loop {
            for element in self.session.find(xpath).await? {
                // It may have been replaced since it was found.
                if self.session.is_displayed(&element).await.unwrap_or(false) {
                    return Ok(element);
                }
            }
            if Instant::now() >= until {
                let page = self.texts("//body", |_| true).await?.concat();
                bail!("the page does not show {xpath} within {PATIENCE:?}, but:\n{page}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The texts of all that `xpath` finds, once `is_complete` says that they are.
    ///
    /// # Errors
    /// When they are not within [`PATIENCE`], with what they are.
    pub(crate) async fn texts(
        &self,
        xpath: &str,
        is_complete: impl Fn(&[String]) -> bool,
    ) -> Result<Vec<String>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut texts = Vec::new();
            for element in self.session.find(xpath).await? {
                // As above.
                texts.extend(self.session.text(&element).await.ok());
            }
            if is_complete(&texts) {
                return Ok(texts);
            }
            ensure!(
                Instant::now() < until,
                "what {xpath} finds within {PATIENCE:?} is {texts:#?}"
            );
            sleep(LOOK_EVERY).await;
        }
    }

    /// Keeps what is to be seen, as `name`.png.
    #[expect(
        clippy::print_stdout,
        reason = "scripts/test shows where it is, for people to look at"
    )]
    pub(crate) async fn screenshot(&self, name: &str) -> Result<()> {
        let path = self.screenshots.join(format!("{name}.png"));
        let image = self.session.screenshot().await?;
        fs::write(&path, image).with_context(|| format!("writing {}", path.display()))?;
        println!("figure: screenshot {}", path.display());
        Ok(())
    }
}

/// The port that the driver says it has taken.
async fn port(driver: &mut Program) -> Result<u16> {
    let until = Instant::now() + PATIENCE;
    loop {
        let said = driver.said();
        let port = said.split_once("started successfully on port ");
        if let Some((port, _)) = port.and_then(|(_, rest)| rest.split_once('.')) {
            return port.parse().context("reading the port of chromedriver");
        }
        let ended = driver.ended();
        ensure!(
            ended.is_none() && Instant::now() < until,
            "chromedriver does not start ({ended:?}); {}",
            driver.said_last()
        );
        sleep(LOOK_EVERY).await;
    }
}

/// A window that is large enough for a whole trace, since Jaeger's page draws only those lines that are seen.
fn arguments(directory: &Path) -> [String; 8] {
    let profile = directory.join("profile");
    [
        "--headless".to_owned(),
        // Its sandbox cannot be made in most containers; the only pages it sees are this machine's.
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-background-networking".to_owned(),
        "--no-first-run".to_owned(),
        "--window-size=2000,1900".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ]
}

#[expect(
    clippy::disallowed_methods,
    reason = "it names files of the test's, and is no setting of ours"
)]
fn screenshots() -> Result<PathBuf> {
    let given = env::var_os(SCREENSHOTS).filter(|path| !path.is_empty());
    let directory = given.map_or_else(
        || env::temp_dir().join("chimera-screenshots"),
        PathBuf::from,
    );
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    Ok(directory)
}

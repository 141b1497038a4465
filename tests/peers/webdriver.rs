//! The few commands of WebDriver that are needed, spoken to a chromedriver.
//!
//! A client library would bring twenty more packages, older copies of half of them, for these.
//!
//! Source: <https://www.w3.org/TR/webdriver2/>.

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// The key under which WebDriver's JSON has the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser's session. It ends with the driver.
pub(crate) struct Session {
    client: Client,
    url: String,
}

/// An element of the page as it is; the page may replace it.
pub(crate) struct Element(String);

impl Session {
    /// Starts a browser with `arguments`.
    pub(crate) async fn open(port: u16, arguments: &[String]) -> Result<Self> {
        chimera_shared::tls::install_crypto_provider();
        let mut session = Self {
            client: Client::builder().no_proxy().build()?,
            url: format!("http://127.0.0.1:{port}/session"),
        };
        let options = json!({ "goog:chromeOptions": { "args": arguments } });
        let capabilities = json!({ "capabilities": { "alwaysMatch": options } });
        let opened = session.command(Method::POST, "", capabilities).await?;
        let id = opened["sessionId"].as_str().context("it has no id")?;
        session.url = format!("{}/{id}", session.url);
        Ok(session)
    }

    /// Opens a page, and returns when it is loaded.
    pub(crate) async fn go_to(&self, url: &str) -> Result<()> {
        self.post("/url", json!({ "url": url })).await?;
        Ok(())
    }

    /// What `xpath` finds, in the order of the page.
    pub(crate) async fn find(&self, xpath: &str) -> Result<Vec<Element>> {
        let query = json!({ "using": "xpath", "value": xpath });
        let found = self.post("/elements", query).await?;
        let elements = found.as_array().context("a list of elements")?.iter();
        let ids = elements.filter_map(|element| element[ELEMENT].as_str());
        Ok(ids.map(|id| Element(id.to_owned())).collect())
    }

    /// Clicks on the middle of an element.
    pub(crate) async fn click(&self, element: &Element) -> Result<()> {
        let path = format!("/element/{}/click", element.0);
        self.post(&path, json!({})).await?;
        Ok(())
    }

    /// Whether it can be seen.
    pub(crate) async fn is_displayed(&self, element: &Element) -> Result<bool> {
        let path = format!("/element/{}/displayed", element.0);
        self.get(&path).await?.as_bool().context("yes or no")
    }

    /// Its text as it is seen.
    pub(crate) async fn text(&self, element: &Element) -> Result<String> {
        let text = self.get(&format!("/element/{}/text", element.0)).await?;
        Ok(text.as_str().context("a text")?.to_owned())
    }

    /// What is to be seen, as a PNG.
    pub(crate) async fn screenshot(&self) -> Result<Vec<u8>> {
        let image = self.get("/screenshot").await?;
        Ok(STANDARD.decode(image.as_str().context("an image")?)?)
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.command(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.command(Method::POST, path, body).await
    }

    async fn command(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !body.is_null() {
            request = request.json(&body);
        }
        let mut answer: Value = request.send().await?.json().await?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => bail!("{path}: {error}: {}", value["message"]),
            None => Ok(value),
        }
    }
}

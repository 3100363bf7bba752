//! Prints a user's record in UDS, with a token from ucssod.
//!
//! ```sh
//! cargo run --example uds [CLUSTER]
//! ```
//!
//! `UCSSO_SOCKET`: the broker's socket; default `unix://$XDG_RUNTIME_DIR/ucsso/broker.sock`.
//! `UDS_URL`: where UDS is asked; default the node that confirmed the token.
//! `UDS_CA`: a PEM file with the certificate authority of that node.

use std::{env, error::Error, fs};

use reqwest::{Body, Certificate};
use rustls::crypto::aws_lc_rs;
use tower::{Layer as _, Service as _, service_fn};
use ucsso::client::{Bearer, Client, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = env::args().nth(1).unwrap_or_else(|| "hq".to_owned());
    let token = Client::connect().await?.token(&cluster, Options::default());
    let current = token.current().await.map_err(|error| format!("no token: {error}"))?;

    let base = env::var("UDS_URL").unwrap_or_else(|_| format!("https://{}", current.node()));
    let mut url = url::Url::parse(&base)?;
    let node = url.host_str().ok_or("UDS_URL has no host")?.to_owned();
    url.path_segments_mut().map_err(|()| "UDS_URL has no path")?.extend([
        "cucm-uds",
        "user",
        current.user(),
    ]);

    // Each request gets the token that is current then; one that the node refuses is reported.
    let https = client()?;
    let send = service_fn(move |request: http::Request<String>| {
        let https = https.clone();
        async move { https.execute(request.try_into()?).await.map(http::Response::from) }
    });
    let mut uds = Bearer::new(token, [node]).layer(send);
    let request = http::Request::get(url.as_str()).body(String::new())?;
    let answer: http::Response<Body> = uds.call(request).await?;
    print(&reqwest::Response::from(answer).error_for_status()?.text().await?);
    Ok(())
}

fn client() -> Result<reqwest::Client, Box<dyn Error>> {
    aws_lc_rs::default_provider().install_default().map_err(|_| "there is a provider already")?;
    let mut client = reqwest::Client::builder().https_only(true);
    if let Ok(file) = env::var("UDS_CA") {
        client = client.tls_certs_merge([Certificate::from_pem(&fs::read(file)?)?]);
    }
    Ok(client.build()?)
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn print(record: &str) {
    println!("{record}");
}

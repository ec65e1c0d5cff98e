//! The library's stores: one for each bucket or web server, set up from the environment.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    future::poll_fn,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, Error, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    http::HttpBuilder,
    limit::LimitStore,
};

use super::{
    error::{Fault, StorageError},
    place::{Scheme, Url},
    runtime, web,
};

/// The longest that one request may take, in the library's words.
const REQUEST: &str = "60 seconds";

/// The longest that a connection may take to come about, in the library's words.
const CONNECT: &str = "10 seconds";

/// What we call ourselves: Wikimedia asks for it.
const AGENT: &str = concat!("crossic/", env!("CARGO_PKG_VERSION"));

/// Requests that one web server gets from us at once; Wikimedia's serves no more to anyone.
const N_WEB_REQUESTS: usize = 2;

/// The largest page of links that is read, in bytes.
const N_PAGE_BYTES: usize = 16 << 20;

/// How often the page of links is asked for.
const N_PAGE_ATTEMPTS: u32 = 4;

/// Returns the store of a URL's bucket or server; later calls return the same.
pub(super) fn store(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    static STORES: Mutex<BTreeMap<(Scheme, String), Arc<dyn ObjectStore>>> =
        Mutex::new(BTreeMap::new());
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    let name = (url.scheme(), url.host().to_owned());
    if let Some(store) = stores.get(&name) {
        return Ok(Arc::clone(store));
    }
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        Scheme::S3 => s3(url.host())?,
        Scheme::Gs => gs(url.host())?,
        Scheme::Http | Scheme::Https => {
            let root = format!("{}://{}", url.scheme().name(), url.host());
            let builder = HttpBuilder::new().with_url(root).with_client_options(options(url));
            Arc::new(LimitStore::new(builder.with_retry(retries()).build()?, N_WEB_REQUESTS))
        }
    };
    stores.insert(name, Arc::clone(&store));
    Ok(store)
}

fn s3(bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retries());
    for (name, key, value) in bounds() {
        if env::var_os(format!("AWS_{name}")).is_none() {
            builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
        }
    }
    // Whoever names a server without encryption wants to talk to it.
    let is_plain = |name| env::var(name).is_ok_and(|url| url.starts_with("http://"));
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    if env::var_os("AWS_ALLOW_HTTP").is_none() && names.into_iter().any(is_plain) {
        builder = builder.with_allow_http(true);
    }
    Ok(Arc::new(builder.build()?))
}

fn gs(bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let builder = GoogleCloudStorageBuilder::from_env();
    let mut builder = builder.with_bucket_name(bucket).with_retry(retries());
    for (name, key, value) in bounds() {
        if env::var_os(format!("GOOGLE_{name}")).is_none() {
            builder = builder.with_config(GoogleConfigKey::Client(key), value);
        }
    }
    Ok(Arc::new(builder.build()?))
}

/// Returns our settings of a connection, with the ends of the variables that set them otherwise.
fn bounds() -> [(&'static str, ClientConfigKey, &'static str); 3] {
    [
        ("TIMEOUT", ClientConfigKey::Timeout, REQUEST),
        ("CONNECT_TIMEOUT", ClientConfigKey::ConnectTimeout, CONNECT),
        ("USER_AGENT", ClientConfigKey::UserAgent, AGENT),
    ]
}

/// Returns the settings for a web server.
fn options(url: &Url) -> ClientOptions {
    // An encrypted address must not lead to an unencrypted one.
    let options = ClientOptions::new().with_allow_http(url.scheme() == Scheme::Http);
    bounds().into_iter().fold(options, |options, (_, key, value)| options.with_config(key, value))
}

/// Returns how often the library asks again, after 5xx answers and lost connections.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(10),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 5, retry_timeout: Duration::from_secs(120) }
}

/// Returns the names of the files that the page of a web server's folder has links to, in order.
pub(super) fn linked_names(url: &Url) -> io::Result<Vec<String>> {
    let client = ReqwestConnector::default().connect(&options(url));
    let client = client.map_err(|error| StorageError::of(url, &error))?;
    let page = runtime::wait(page(client, url.clone()))??;
    // The URL was checked, so it has a path or none.
    let text = url.to_string();
    let path = text.splitn(4, '/').nth(3).unwrap_or_default().trim_end_matches('/');
    let names: BTreeSet<String> = web::linked_names(&page, url.host(), path);
    Ok(names.into_iter().collect())
}

/// Reads the page of a folder. The library's own way to read wants a length, which pages made on
/// demand do not have.
async fn page(client: HttpClient, url: Url) -> Result<Vec<u8>, StorageError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let again = match page_once(&client, &url).await {
            Err(fault @ Fault::Unreachable(_)) => fault,
            result => return result.map_err(|fault| StorageError::new(&url, fault)),
        };
        if N_PAGE_ATTEMPTS <= attempts {
            return Err(StorageError::new(&url, again));
        }
        tokio::time::sleep(Duration::from_millis(200 << attempts)).await;
    }
}

async fn page_once(client: &HttpClient, url: &Url) -> Result<Vec<u8>, Fault> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    let address = format!("{}/", url.to_string().trim_end_matches('/'));
    *request.uri_mut() = address.parse().map_err(|_| Fault::BadUrl("is not a web address"))?;
    let lost = |_| Fault::Unreachable("the host cannot be reached, or does not answer in time");
    let response = client.execute(request).await.map_err(lost)?;
    match response.status().as_u16() {
        200 => {}
        404 | 410 => return Err(Fault::NotFound),
        401 => return Err(Fault::Refused("the server asks who we are (401)")),
        403 => return Err(Fault::Refused("access is denied (403)")),
        429 | 500..=599 => return Err(Fault::Unreachable("the server is too busy to answer")),
        status => return Err(Fault::Other(format!("the server answers with status {status}"))),
    }
    let mut stream = response.into_body().bytes_stream();
    let mut page = Vec::new();
    while let Some(more) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        page.extend_from_slice(&more.map_err(lost)?);
        if N_PAGE_BYTES < page.len() {
            return Err(Fault::Other("the page of links has no end within 16 MiB".to_owned()));
        }
    }
    Ok(page)
}

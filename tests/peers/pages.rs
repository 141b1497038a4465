//! What a person sees of a question in Jaeger's own pages.

use anyhow::Result;
use chimera_shared::config::OtlpProtocol;
use chimera_traces::tree::Trace;

use crate::{
    browser::Browser,
    jaeger::Jaeger,
    otlp::{SERVICES, arrived, asked},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_service_leads_to_the_one_trace() {
    let jaeger = Jaeger::start().await.unwrap();
    let ours = asked(&jaeger.otlp_http(), OtlpProtocol::HttpProtobuf)
        .await
        .unwrap();
    arrived(&jaeger, &ours).await.unwrap();
    let browser = Browser::start().await.unwrap();
    for service in SERVICES {
        find(&browser, &jaeger, service, &ours).await.unwrap();
    }
    browser.screenshot("jaeger-search").await.unwrap();
    look_at(&browser, &ours).await.unwrap();
    browser.screenshot("jaeger-trace").await.unwrap();
    browser.open(&jaeger.url("/dependencies")).await.unwrap();
    for service in SERVICES {
        let node = format!("//*[contains(@class, 'DAG')]//*[text()='{service}']");
        browser.see(&node).await.unwrap();
    }
    browser.screenshot("jaeger-dependencies").await.unwrap();
}

/// On the search page, picks `service` and presses the button; the one trace is all that is found.
async fn find(browser: &Browser, jaeger: &Jaeger, service: &str, ours: &Trace) -> Result<()> {
    browser.open(&jaeger.url("/search")).await?;
    let picker = "//label[starts-with(normalize-space(.), 'Service')]\
                  /following::div[contains(@class, 'ant-select-content')][1]";
    browser.click(picker).await?;
    let option =
        format!("//div[contains(@class, 'ant-select-item-option') and @title='{service}']");
    browser.click(&option).await?;
    let button = "//button[contains(., 'Find Traces') and not(@disabled)]";
    browser.click(button).await?;

    browser.see("//h2[normalize-space(.)='1 Trace']").await?;
    let result = format!("//li[.//a[contains(@href, '/trace/{}')]]", ours.trace_id());
    browser.see(&result).await?;
    let spans = format!("{} Spans", ours.spans().len());
    browser
        .see(&format!("{result}//*[normalize-space(.)='{spans}']"))
        .await?;
    let tags = format!("{result}//span[contains(@class, 'ResultItem--serviceTag')]");
    let mut shown = browser
        .texts(&tags, |tags| tags.len() == SERVICES.len())
        .await?;
    shown.sort();
    assert_eq!(shown, spans_of_services(ours), "found by {service}");
    Ok(())
}

/// `query_agent (20)` and so on, as the search page counts them.
fn spans_of_services(trace: &Trace) -> Vec<String> {
    let totals = trace.services().into_iter();
    let mut tags: Vec<String> = totals
        .map(|total| format!("{} ({})", total.service, total.spans))
        .collect();
    tags.sort();
    tags
}

/// Opens the trace that was found; its spans are all there.
async fn look_at(browser: &Browser, ours: &Trace) -> Result<()> {
    let link = format!("//a[contains(@href, '/trace/{}')]//h3", ours.trace_id());
    browser.click(&link).await?;
    let counted = |label: &str, count: usize| {
        format!(
            "//li[contains(@class, 'LabeledList--item')][span[normalize-space(.)='{label}']]\
             [strong[normalize-space(.)='{count}']]"
        )
    };
    browser
        .see(&counted("Total Spans", ours.spans().len()))
        .await?;
    browser.see(&counted("Services", SERVICES.len())).await?;

    let rows = "//div[contains(@class, 'VirtualizedTraceView--row')]//span[contains(@class, 'span-svc-name')]";
    let mut shown = browser
        .texts(rows, |rows| rows.len() == ours.spans().len())
        .await?;
    let mut expected: Vec<_> = ours
        .spans()
        .iter()
        .map(|span| span.service.clone())
        .collect();
    for service in &mut shown {
        // What is called stands behind it: `data_retrieval_agent coin_metrics`.
        service.truncate(service.find(' ').unwrap_or(service.len()));
    }
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    let warnings = browser.texts(
        "//*[contains(@class, 'warning') or contains(@class, 'Warning')]",
        |_| true,
    );
    assert_eq!(warnings.await?, [""; 0], "Jaeger warns of nothing");
    Ok(())
}

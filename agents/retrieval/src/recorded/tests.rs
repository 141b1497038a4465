use jiff::civil::date;

use super::*;

fn zec() -> Ticker {
    Ticker::new("ZEC")
}

#[test]
fn the_bundled_files_are_read() {
    let recording = Recording::bundled();
    assert_eq!(recording.last_day(), date(2019, 3, 28));
    let tickers: Vec<_> = recording.tickers().map(Ticker::as_str).collect();
    assert_eq!(tickers, ["BTC", "ETH", "ZEC"]);
    assert_eq!(recording.height(&zec()), Some(505_720));
    let prices = recording.points(&zec(), Metric::PriceUsd).expect("prices");
    assert_eq!(prices.len(), 881);
    assert_eq!(prices[0], (date(2016, 10, 29), 4293.37));
    assert_eq!(prices[880], (date(2019, 3, 28), 57.73));
    assert_eq!(
        recording.points(&Ticker::new("eth"), Metric::RealizedCapUsd),
        None
    );
    let fees = recording.period(&Ticker::new("btc"), Metric::MedianFee);
    assert_eq!(
        fees,
        Some(Period {
            from: date(2009, 1, 12),
            to: date(2019, 3, 28)
        })
    );
}

#[test]
fn every_metric_but_the_height_is_recorded_of_some_asset() {
    let recording = Recording::bundled();
    for metric in Metric::all().filter(|metric| *metric != Metric::BlockHeight) {
        let recorded = recording
            .tickers()
            .any(|ticker| recording.points(ticker, metric).is_some());
        assert!(recorded, "{metric}");
    }
}

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("a file");
    }
    directory
}

#[test]
fn a_directory_of_ones_own_is_read_with_columns_in_any_order() {
    let directory = directory(&[
        (
            "doge.csv",
            "mood,price(USD),date,txCount\nhigh,0.002,2019-01-01,\nlow,,2019-01-02,7\n",
        ),
        ("README.md", "not a file of figures"),
    ]);
    let recording = Recording::load(directory.path()).expect("a recording");
    let doge = Ticker::new("DOGE");
    assert_eq!(
        recording.points(&doge, Metric::PriceUsd),
        Some(&vec![(date(2019, 1, 1), 0.002)])
    );
    assert_eq!(
        recording.points(&doge, Metric::TxCount),
        Some(&vec![(date(2019, 1, 2), 7.0)])
    );
    assert_eq!(recording.last_day(), date(2019, 1, 2));
    assert_eq!(recording.height(&doge), None);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_do_no_harm() {
    let directory = directory(&[("ltc.csv", "\u{feff}date,price(USD)\r\n2019-01-01, 30.5\r\n")]);
    let recording = Recording::load(directory.path()).expect("a recording");
    assert_eq!(
        recording.points(&Ticker::new("LTC"), Metric::PriceUsd),
        Some(&vec![(date(2019, 1, 1), 30.5)])
    );
}

/// The whole chain of an error, as it is logged.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

#[test]
fn a_broken_file_is_named_with_line_and_column() {
    let check = |text: &str, expected: &str| {
        let directory = directory(&[("zec.csv", text)]);
        let error = Recording::load(directory.path()).expect_err("a broken file");
        let path = directory.path().join("zec.csv").display().to_string();
        assert_eq!(chain(&error), format!("reading {path}: {expected}"));
    };
    check("", "line 1, column `date`: the header has no such column");
    check(
        "price(USD)\n5\n",
        "line 1, column `date`: the header has no such column",
    );
    check(
        "date,mood\n2019-01-01,high\n",
        "line 1: the header has no column of a metric",
    );
    check(
        "date,price(USD),price(USD)\n",
        "line 1, column `price(USD)`: the header has this column twice",
    );
    check(
        "date,price(USD)\n2019-01-01,5\nyesterday,6\n",
        "line 3, column `date`: `yesterday` is not a day like 2019-03-28",
    );
    check(
        "date,price(USD)\n2019-01-02,5\n2019-01-02,6\n",
        "line 3, column `date`: the day 2019-01-02 is not after that of the line before",
    );
    for wrong in ["n/a", "NaN", "inf", "1,5"] {
        let quoted = format!("date,price(USD)\n2019-01-01,\"{wrong}\"\n");
        let expected = format!(
            "`{wrong}` is not a number; leave the field empty where the value is not known"
        );
        check(&quoted, &format!("line 2, column `price(USD)`: {expected}"));
    }
}

#[test]
fn a_line_with_too_few_fields_or_broken_text_is_named() {
    for text in [
        &b"date,price(USD)\n2019-01-01,5\n2019-01-02\n"[..],
        b"date,price(USD)\n2019-01-01,5\n\xff,6\n",
    ] {
        let directory = directory(&[]);
        fs::write(directory.path().join("zec.csv"), text).expect("a file");
        let error = Recording::load(directory.path()).expect_err("a broken file");
        assert!(
            chain(&error).contains("zec.csv: line 3: not a line"),
            "{}",
            chain(&error)
        );
    }
}

#[test]
fn a_directory_without_values_is_no_recording() {
    let check = |directory: &Path, expected: &str| {
        let error = Recording::load(directory).expect_err("no recording");
        assert!(chain(&error).contains(expected), "{}", chain(&error));
    };
    check(
        Path::new("no/such/directory"),
        "reading no/such/directory: ",
    );
    check(
        directory(&[]).path(),
        "holds no `<ticker>.csv` with a value in it",
    );
    check(
        directory(&[("zec.csv", "date,price(USD)\n2019-01-01,\n")]).path(),
        "holds no `<ticker>.csv`",
    );
    let text = "date,price(USD)\n2019-01-01,5\n";
    check(
        directory(&[("ZEC.csv", text), ("zec.csv", text)]).path(),
        "second file of ZEC",
    );
}

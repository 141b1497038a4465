//! The table of "Days": each of its cells, in several phrasings, and on other days than the recording's last.

use super::catalog::{ask, check, check_on};
use crate::understanding::Understanding;

/// The range that "the price of ZEC" with `when` behind it is about, on the recording's last day.
#[track_caller]
fn said(when: &str, expected: &str) {
    said_on(super::catalog::TODAY, when, expected);
}

#[track_caller]
fn said_on(today: &str, when: &str, expected: &str) {
    let intent = if expected.contains("..") {
        "trend"
    } else {
        "value"
    };
    check_on(
        today,
        &format!("ZEC price {when}"),
        &format!("{intent} ZEC.price_usd {expected}"),
    );
}

#[track_caller]
fn forecast(when: &str, expected: &str) {
    check(
        &format!("What will the ZEC price be {when}?"),
        &format!("not_yet: forecast ZEC.price_usd {expected}"),
    );
}

#[track_caller]
fn assumptions(question: &str) -> Vec<String> {
    match ask(question) {
        Understanding::Understood(interpretation) => interpretation.assumptions,
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn a_day_by_its_date() {
    for when in [
        "on 2018-12-17",
        "2018/12/17",
        "on Dec 17, 2018",
        "on Dec. 17, 2018",
        "on 17 December 2018",
        "12/17/2018",
        "on 17.12.2018",
        "on the 17th of December 2018",
        "on December 17th, 2018",
        "on December 17 2018",
        "on 17 Dec 2018",
        "17-Dec-2018",
        "on Monday, 17 December 2018",
        "on 17. December 2018",
        "on 17. Dec 2018",
        "17.12.18",
        "12/17/18",
        "on December the 17th 2018",
        "on 17th December, 2018",
        "17Dec2018",
        "2018 December 17",
        "on the 17th day of December 2018",
        "on 17-12-2018",
        "as of 2018-12-17",
        "on dec 17th of 2018",
        "2018-12-17T10:00Z",
        "on Dec 17 '18",
        "ON 17 DECEMBER 2018",
    ] {
        said(when, "2018-12-17");
    }
}

#[test]
fn slashes_are_month_first_and_dots_day_first() {
    said("on 03/04/2018", "2018-03-04");
    said("on 25/12/2018", "2018-12-25");
    said("on 03.04.2018", "2018-04-03");
    said("on 3/4/2018", "2018-03-04");
    said("on 2018/03/04", "2018-03-04");
    let ambiguous =
        "The first number of a date with slashes is taken for the month, which is March.";
    assert_eq!(assumptions("ZEC price on 03/04/2018"), [ambiguous]);
    for clear in [
        "12/17/2018",
        "25/12/2018",
        "03.04.2018",
        "03/03/2018",
        "2018/03/04",
    ] {
        assert_eq!(
            assumptions(&format!("ZEC price on {clear}")),
            [""; 0],
            "{clear}"
        );
    }
}

#[test]
fn a_day_by_what_it_is_to_today() {
    said("on 5 February", "2019-02-05");
    said("on Feb 5", "2019-02-05");
    said("on 5 April", "2018-04-05");
    said("on 28 March", "2019-03-28");
    said("on 29 March", "2018-03-29");
    check("ETH price on 29 February", "value ETH.price_usd 2016-02-29");
    said("last Monday", "2019-03-25");
    said("last Thursday", "2019-03-21");
    said("last Friday", "2019-03-22");
    said("last Sunday", "2019-03-24");
    said("on Thursday", "2019-03-28");
    said("on Friday", "2019-03-22");
    said("on Monday of last week", "2019-03-18");
    said("3 days ago", "2019-03-25");
    said("three days ago", "2019-03-25");
    said("two weeks ago", "2019-03-14");
    said("a month ago", "2019-02-28");
    said("a year ago", "2018-03-28");
    said("a year ago today", "2018-03-28");
    said("a couple of days ago", "2019-03-26");
    said("this time last year", "2018-03-28");
    said("yesterday", "2019-03-27");
    said("the day before yesterday", "2019-03-26");
    said("today", "2019-03-28");
    said("now", "2019-03-28");
    said("currently", "2019-03-28");
    said("right now", "2019-03-28");
    said("on the 5th", "2019-03-05");
    said("on the 31st", "2019-01-31");
    said("the day before 2018-12-17", "2018-12-16");
    said("at the end of January 2019", "2019-01-31");
    said("at the beginning of 2018", "2018-01-01");
}

#[test]
fn a_whole_period_cut_at_today() {
    said("in January 2019", "2019-01-01..2019-01-31");
    said("Jan 2019", "2019-01-01..2019-01-31");
    said("January, 2019", "2019-01-01..2019-01-31");
    said("in the month of January 2019", "2019-01-01..2019-01-31");
    said("2019-01", "2019-01-01..2019-01-31");
    said("01/2019", "2019-01-01..2019-01-31");
    said("in January of last year", "2018-01-01..2018-01-31");
    said("January this year", "2019-01-01..2019-01-31");
    check(
        "ETH price in February 2016",
        "trend ETH.price_usd 2016-02-01..2016-02-29",
    );
    said("in 2018", "2018-01-01..2018-12-31");
    said("during the whole of 2018", "2018-01-01..2018-12-31");
    said("in 2019", "2019-01-01..2019-03-28");
    said("in March 2019", "2019-03-01..2019-03-28");
    for when in [
        "Q3 2018",
        "in 2018 Q3",
        "2018Q3",
        "third quarter of 2018",
        "3rd quarter of 2018",
        "Q3 of 2018",
        "the third quarter 2018",
        "Q3/2018",
    ] {
        said(when, "2018-07-01..2018-09-30");
    }
    said("Q1 2019", "2019-01-01..2019-03-28");
    said("last quarter of 2018", "2018-10-01..2018-12-31");
    for when in ["H1 2018", "first half of 2018", "the 1st half of 2018"] {
        said(when, "2018-01-01..2018-06-30");
    }
    said("second half of 2018", "2018-07-01..2018-12-31");
    said("second half of March 2018", "2018-03-16..2018-03-31");
    said("first half of last month", "2019-02-01..2019-02-15");
}

#[test]
fn a_period_without_a_year_is_the_latest() {
    said("in January", "2019-01-01..2019-01-31");
    said("in March", "2019-03-01..2019-03-28");
    said("in April", "2018-04-01..2018-04-30");
    said("in may", "2018-05-01..2018-05-31");
    said("in December", "2018-12-01..2018-12-31");
    said("Q1", "2019-01-01..2019-03-28");
    said("in Q4", "2018-10-01..2018-12-31");
    said("in the second half", "2018-07-01..2018-12-31");
    said("last March", "2018-03-01..2018-03-31");
    said("last January", "2019-01-01..2019-01-31");
    said("this March", "2019-03-01..2019-03-28");
    said("in late March", "2019-03-21..2019-03-28");
}

#[test]
fn the_last_so_many_units_end_today() {
    for when in [
        "last 30 days",
        "past 30 days",
        "previous 30 days",
        "in the last 30 days",
        "over the past thirty days",
        "30d",
        "during the last 30 days",
        "30 days",
    ] {
        said(when, "2019-02-27..2019-03-28");
    }
    said("last 2 weeks", "2019-03-15..2019-03-28");
    said("past two weeks", "2019-03-15..2019-03-28");
    said("last 3 months", "2018-12-29..2019-03-28");
    said("last three months", "2018-12-29..2019-03-28");
    said("past 2 years", "2017-03-29..2019-03-28");
    said("last half year", "2018-09-29..2019-03-28");
    said("over the last couple of weeks", "2019-03-15..2019-03-28");
    said("last 2 quarters", "2018-09-29..2019-03-28");
    said("last fortnight", "2019-03-15..2019-03-28");
    said("past week", "2019-03-22..2019-03-28");
    said("past month", "2019-03-01..2019-03-28");
    said("past year", "2018-03-29..2019-03-28");
    said("last 24 hours", "2019-03-28");
    said("24h", "2019-03-28");
    check(
        "24h volume of ZEC last month",
        "trend ZEC.exchange_volume_usd 2019-02-01..2019-02-28",
    );
    check(
        "change of ZEC in 24 hours",
        "value ZEC.price_usd 2019-03-28",
    );
    said("last 48 hours", "2019-03-27..2019-03-28");
}

#[test]
fn units_of_the_calendar() {
    said("last week", "2019-03-18..2019-03-24");
    said("previous week", "2019-03-18..2019-03-24");
    said("last month", "2019-02-01..2019-02-28");
    said("last quarter", "2018-10-01..2018-12-31");
    said("last year", "2018-01-01..2018-12-31");
    said("the week before last", "2019-03-11..2019-03-17");
    said("last weekend", "2019-03-23..2019-03-24");
    said("this week", "2019-03-25..2019-03-28");
    said("this month", "2019-03-01..2019-03-28");
    said("this quarter", "2019-01-01..2019-03-28");
    said("this year", "2019-01-01..2019-03-28");
    said("so far this year", "2019-01-01..2019-03-28");
    said("year to date", "2019-01-01..2019-03-28");
    said("year-to-date", "2019-01-01..2019-03-28");
    said("YTD", "2019-01-01..2019-03-28");
    said("month to date", "2019-03-01..2019-03-28");
}

#[test]
fn ranges_with_one_end() {
    said("since March 2018", "2018-03-01..2019-03-28");
    said("from March 2018", "2018-03-01..2019-03-28");
    said("from March 2018 onwards", "2018-03-01..2019-03-28");
    said("since 2018-12-17", "2018-12-17..2019-03-28");
    said("since last week", "2019-03-18..2019-03-28");
    said("since the beginning of 2018", "2018-01-01..2019-03-28");
    said("since January", "2019-01-01..2019-03-28");
    said("ever since 2018", "2018-01-01..2019-03-28");
    said("after March 2018", "2018-04-01..2019-03-28");
    said("after 2018-12-17", "2018-12-18..2019-03-28");
    said("before 2018", "2016-10-29..2017-12-31");
    said("prior to 2018", "2016-10-29..2017-12-31");
    said("before 17 December 2016", "2016-10-29..2016-12-16");
    said("until June 2018", "2016-10-29..2018-06-30");
    said("up to June 2018", "2016-10-29..2018-06-30");
    said("through June 2018", "2016-10-29..2018-06-30");
    said("until yesterday", "2016-10-29..2019-03-27");
    said(
        "since January 2018 until March 2018",
        "2018-01-01..2018-03-31",
    );
    said("after 2017 and before June 2018", "2018-01-01..2018-05-31");
    said("from yesterday", "2019-03-27");
    said("from last week", "2019-03-18..2019-03-24");
}

#[test]
fn ranges_with_two_ends() {
    for when in [
        "between March 2018 and May 2018",
        "from March 2018 to May 2018",
        "March 2018 - May 2018",
        "March 2018 to May 2018",
        "from March to May 2018",
        "Mar-May 2018",
        "between March and May",
        "from March 2018 until May 2018",
        "March-May 2018",
        "from March 2018 through May 2018",
        "2018-03 - 2018-05",
        "2018-03-01..2018-05-31",
        "from 2018-03-01 to 2018-05-31",
        "between 1 March 2018 and 31 May 2018",
        "from the 1st of March to the 31st of May 2018",
        "2018-03-01 - 2018-05-31",
        "03/01/2018 - 05/31/2018",
        "1.3.2018 - 31.5.2018",
        "March 2018 \u{2013} May 2018",
        "from May 2018 to March 2018",
    ] {
        said(when, "2018-03-01..2018-05-31");
    }
    for when in [
        "Dec 17-20, 2018",
        "17-20 December 2018",
        "from 17 to 20 December 2018",
        "between the 17th and the 20th of December 2018",
        "December 17 to 20, 2018",
        "17th - 20th December 2018",
        "from Dec 17 to Dec 20 2018",
        "from December 17th to the 20th",
    ] {
        said(when, "2018-12-17..2018-12-20");
    }
    said("2017-2018", "2017-01-01..2018-12-31");
    said("from 2017 to 2018", "2017-01-01..2018-12-31");
    said("from 2017 to now", "2017-01-01..2019-03-28");
    said("2017-now", "2017-01-01..2019-03-28");
    said("from November to February", "2018-11-01..2019-02-28");
    said("from November 2017 to February", "2017-11-01..2018-02-28");
    said("between Q1 and Q3 2018", "2018-01-01..2018-09-30");
    said("from last Monday to yesterday", "2019-03-25..2019-03-27");
    said(
        "from early 2018 to the end of March 2018",
        "2018-01-01..2018-03-31",
    );
    said("from 3 weeks ago to 2 weeks ago", "2019-03-07..2019-03-14");
}

#[test]
fn ends_that_are_reversed_or_beyond_today_are_said() {
    let swapped = "The ends of the range were swapped, so it is from 2018-03-01 to 2018-05-31.";
    assert_eq!(
        assumptions("ZEC price from May 2018 to March 2018"),
        [swapped]
    );
    said("from 2018 to 2017", "2017-01-01..2018-12-31");
    assert_eq!(
        assumptions("ZEC price from March 2019 to May 2019"),
        ["The range ends today, 2019-03-28."]
    );
    assert_eq!(assumptions("ZEC price from January to March 2019"), [""; 0]);
    assert_eq!(assumptions("ZEC price in 2019"), [""; 0]);
}

#[test]
fn weeks_surroundings_and_parts() {
    said("the week of 2018-12-12", "2018-12-10..2018-12-16");
    said("in the week of 12 December 2018", "2018-12-10..2018-12-16");
    said("around 2018-12-12", "2018-12-05..2018-12-19");
    said("around December 12, 2018", "2018-12-05..2018-12-19");
    said("around yesterday", "2019-03-20..2019-03-28");
    said("early March 2018", "2018-03-01..2018-03-10");
    said("mid March 2018", "2018-03-11..2018-03-20");
    said("mid-March 2018", "2018-03-11..2018-03-20");
    said("late March 2018", "2018-03-21..2018-03-31");
    said("in late February 2018", "2018-02-21..2018-02-28");
    said("early 2018", "2018-01-01..2018-04-30");
    said("mid 2018", "2018-05-01..2018-08-31");
    said("mid-2018", "2018-05-01..2018-08-31");
    said("in the middle of 2018", "2018-05-01..2018-08-31");
    said("late 2018", "2018-09-01..2018-12-31");
    said("late last year", "2018-09-01..2018-12-31");
    said("early this year", "2019-01-01..2019-03-28");
    said("early in 2018", "2018-01-01..2018-04-30");
    said(
        "in the first week of January 2018",
        "2018-01-01..2018-01-07",
    );
    said("the last week of December 2018", "2018-12-25..2018-12-31");
    said("the first 10 days of 2018", "2018-01-01..2018-01-10");
    said("in the last month of 2018", "2018-12-01..2018-12-31");
    said("the second week of January 2018", "2018-01-08..2018-01-14");
    said("in summer 2018", "2018-06-01..2018-08-31");
    said("last winter", "2018-12-01..2019-02-28");
    said("from start to end of 2018", "2018-01-01..2018-12-31");
    said("on Christmas day 2018", "2018-12-25");
    said("on New Year's Eve", "2018-12-31");
    said("on New Year's Day 2018", "2018-01-01");
}

#[test]
fn all_time_is_from_the_first_day_with_the_metric() {
    for when in [
        "all time",
        "all-time",
        "of all time",
        "ever",
        "over its entire history",
        "since inception",
        "since the beginning",
    ] {
        said(when, "2016-10-29..2019-03-28");
    }
    check(
        "ZEC transactions of all time",
        "trend ZEC.tx_count 2016-10-28..2019-03-28",
    );
    check(
        "BTC price all time",
        "trend BTC.price_usd 2013-04-28..2019-03-28",
    );
    check(
        "ETH and ZEC price all time",
        "trend ETH.price_usd ZEC.price_usd 2015-08-07..2019-03-28",
    );
    said("on its first day", "2016-10-29");
    check(
        "transactions of ETH on the first day",
        "value ETH.tx_count 2015-08-07",
    );
    check(
        "How did the BTC price do in all of 2018?",
        "trend BTC.price_usd 2018-01-01..2018-12-31",
    );
}

#[test]
fn days_to_come_are_for_forecasts() {
    forecast("tomorrow", "2019-03-29");
    forecast("in 10 days", "2019-04-07");
    forecast("10 days from now", "2019-04-07");
    forecast("in the next 10 days", "2019-03-29..2019-04-07");
    forecast("over the next 2 weeks", "2019-03-29..2019-04-11");
    forecast("over the next month", "2019-04-01..2019-04-30");
    forecast("next week", "2019-04-01..2019-04-07");
    forecast("next month", "2019-04-01..2019-04-30");
    forecast("on 2019-05-01", "2019-05-01");
    forecast("on 5 April", "2019-04-05");
    forecast("on 5 February", "2020-02-05");
    forecast("in May", "2019-05-01..2019-05-31");
    forecast("in January", "2020-01-01..2020-01-31");
    forecast("next Friday", "2019-03-29");
    forecast("in two weeks", "2019-04-11");
    forecast("in a week's time", "2019-04-04");
    forecast("", "2019-03-29..2019-04-04");
    forecast("in 2019", "2019-03-29..2019-12-31");
    check(
        "ZEC price tomorrow",
        "not_yet: forecast ZEC.price_usd 2019-03-29",
    );
    check(
        "ZEC price next week",
        "not_yet: forecast ZEC.price_usd 2019-04-01..2019-04-07",
    );
    check(
        "ZEC price on 2019-05-01",
        "no_data: value ZEC.price_usd 2019-05-01",
    );
    check(
        "ZEC price in 2020",
        "no_data: trend ZEC.price_usd 2020-01-01..2020-12-31",
    );
    check(
        "ZEC price since 2019-04-02",
        "no_data: value ZEC.price_usd 2019-04-02",
    );
}

#[test]
fn two_periods_of_a_comparison() {
    check(
        "ZEC price January 2018 vs January 2019",
        "not_yet: comparison ZEC.price_usd 2018-01-01..2019-01-31 [2018-01-01..2018-01-31 2019-01-01..2019-01-31]",
    );
    check(
        "ZEC price this year compared with last year",
        "not_yet: comparison ZEC.price_usd 2018-01-01..2019-03-28 [2019-01-01..2019-03-28 2018-01-01..2018-12-31]",
    );
    check(
        "Compare the ZEC price in January 2019 to February 2019",
        "not_yet: comparison ZEC.price_usd 2019-01-01..2019-02-28 [2019-01-01..2019-01-31 2019-02-01..2019-02-28]",
    );
    check(
        "Was the ZEC volume higher in 2018 than in 2017?",
        "not_yet: comparison ZEC.exchange_volume_usd 2017-01-01..2018-12-31 [2018-01-01..2018-12-31 2017-01-01..2017-12-31]",
    );
}

#[test]
fn several_ranges() {
    check(
        "What was the highest ZEC price in March, and which day of 2018?",
        "highest ZEC.price_usd 2018-03-01..2018-03-31",
    );
    said("in May and June 2018", "2018-05-01..2018-06-30");
    let both = "Several ranges are named, so this is about all from the first to the last day, 2018-01-03 to 2018-01-05.";
    assert_eq!(
        assumptions("ZEC price on 3 January 2018 and on 5 January 2018"),
        [both]
    );
}

#[test]
fn a_month_that_is_shorter() {
    said_on("2019-05-31", "last 3 months", "2019-03-01..2019-05-31");
    said_on("2019-05-31", "past month", "2019-05-01..2019-05-31");
    said_on("2019-05-31", "a month ago", "2019-04-30");
    said_on("2019-05-31", "last month", "2019-04-01..2019-04-30");
    said_on("2019-05-31", "3 months ago", "2019-02-28");
    said_on("2020-02-29", "past year", "2019-03-01..2020-02-29");
    said_on("2020-02-29", "a year ago", "2019-02-28");
    said_on("2020-02-29", "on 29 February", "2020-02-29");
    said_on("2020-02-29", "last month", "2020-01-01..2020-01-31");
    said_on("2020-02-29", "this month", "2020-02-01..2020-02-29");
}

#[test]
fn on_a_monday_and_on_new_year() {
    said_on("2019-03-25", "last Monday", "2019-03-18");
    said_on("2019-03-25", "on Monday", "2019-03-25");
    said_on("2019-03-25", "last week", "2019-03-18..2019-03-24");
    said_on("2019-03-25", "this week", "2019-03-25");
    said_on("2019-03-31", "this week", "2019-03-25..2019-03-31");
    said_on("2019-01-01", "ytd", "2019-01-01");
    said_on("2019-01-01", "last month", "2018-12-01..2018-12-31");
    said_on("2019-01-01", "last quarter", "2018-10-01..2018-12-31");
    said_on("2019-01-01", "last year", "2018-01-01..2018-12-31");
    said_on("2019-01-01", "yesterday", "2018-12-31");
    said_on("2019-01-01", "in January", "2019-01-01");
    said_on("2019-01-01", "in December", "2018-12-01..2018-12-31");
    said_on("2019-01-01", "on the 2nd", "2018-12-02");
    said_on("2018-10-15", "last quarter", "2018-07-01..2018-09-30");
}

//! Names that stand where an asset would, and that no asset has.

use super::Question;
use crate::understanding::metrics::WEAK;
use crate::understanding::phrases::List;
use crate::understanding::words::Kind;

/// The names in a question that must be assets, and that nobody here knows.
pub(super) fn find(question: &Question<'_>) -> Vec<String> {
    question
        .reading
        .unread
        .iter()
        .filter(|at| is_stranger(question, **at))
        .map(|at| question.words.tokens[*at].text.clone())
        .collect()
}

/// How long a ticker may be.
const TICKER: std::ops::RangeInclusive<usize> = 2..=6;

/// Words in capitals that are no tickers.
const CAPITALS: List = List(
    "usa, eur, gbp, uk, eu, ceo, nasa, api, etf, ico, sec, gdp, ai, tv, ok, faq, nft, pow, pos, jpy, \
     cny, chf, asap, fyi, sql, select, insert, update, delete, table, union, null, true, false",
);

/// Currencies, which are no assets here, but may be asked for in their place.
const CURRENCIES: List = List("eur, euro, euros, gbp, jpy, cny, chf, yen, yuan");

/// What has a price, and is traded on no market that is meant here.
const EVERYDAY: List = List(
    "pizza, pizzas, bread, rice, milk, egg, eggs, beer, wine, coffee, tea, water, food, burger, burgers, \
     sandwich, apples, banana, bananas, meat, fish, car, cars, bike, house, houses, home, homes, apartment, \
     rent, hotel, ticket, tickets, flight, flights, train, bus, taxi, petrol, gasoline, diesel, electricity, \
     iphone, phone, phones, laptop, computer, shoes, clothes, book, books, movie, movies, game, games, \
     wedding, haircut",
);

/// Whether something is asked for that has a price and that nobody takes for an asset.
pub(super) fn is_everyday(question: &Question<'_>) -> bool {
    let unread = &question.reading.unread;
    unread.iter().any(|at| question.words.is_in(*at, EVERYDAY))
}

fn is_stranger(question: &Question<'_>, at: usize) -> bool {
    let words = question.words;
    let token = &words.tokens[at];
    if token.kind == Kind::Word && CURRENCIES.contains(&token.text) {
        return question.entities.assets.is_empty()
            && (of_a_figure(question, at) || before_a_figure(question, at));
    }
    if token.kind != Kind::Word || CAPITALS.contains(&token.text) {
        return false;
    }
    let ticker = token.upper && !words.shouted && TICKER.contains(&token.text.len());
    let about_markets = !question.entities.figures.is_empty() || question.reading.said;
    if token.cashtag || ticker && about_markets {
        return true;
    }
    if !question.entities.assets.is_empty() {
        return beside_an_asset(question, at);
    }
    let capital = token.capital && at > 0 && !words.shouted;
    let strong = has_strong_figure(question);
    let place = of_a_figure(question, at) || before_a_figure(question, at);
    let subject = words.is_any_before(at, &["did", "does", "is", "has", "was", "will"])
        && question.reading.telling;
    place && (strong || capital) || capital && !question.entities.figures.is_empty() || subject
}

/// Whether a figure is named by a word that hardly means anything else.
pub(super) fn has_strong_figure(question: &Question<'_>) -> bool {
    question
        .entities
        .figures
        .iter()
        .any(|figure| figure.tokens.len() > 1 || !question.words.is_in(figure.tokens[0], WEAK))
}

/// "ZEC and foocoin", "ZEC versus foocoin".
fn beside_an_asset(question: &Question<'_>, at: usize) -> bool {
    let words = question.words;
    let asset_before = at >= 2 && question.entities.is_asset(at - 2);
    let asset_after = question.entities.is_asset(at + 2);
    let versus = &["vs", "versus", "or"];
    let ends = at + 1 >= words.tokens.len()
        || matches!(words.kind(at + 1), Some(Kind::Mark(_)))
        || question.entities.taken[at + 1];
    asset_before && words.is_any_before(at, versus)
        || asset_before && words.is_any_before(at, &["and"]) && ends
        || asset_after && words.is_any(at + 1, versus)
}

/// "The price of foocoin".
fn of_a_figure(question: &Question<'_>, at: usize) -> bool {
    let words = question.words;
    let mut before = at;
    while before > 0 && words.is_any_before(before, &["a", "an", "the", "one", "some"]) {
        before -= 1;
    }
    words.is_any_before(
        before,
        &[
            "of", "for", "on", "does", "do", "did", "is", "was", "has", "are",
        ],
    ) && !question.entities.figures.is_empty()
}

/// "The foocoin price".
fn before_a_figure(question: &Question<'_>, at: usize) -> bool {
    question.entities.is_metric(at + 1)
}

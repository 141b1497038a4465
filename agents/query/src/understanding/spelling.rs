//! Misspelt names and keywords.
//!
//! A word of which nothing is known is taken for the one name or keyword of five letters or more that is one edit away
//! (insertion, deletion, substitution, swap of neighbours), if there is exactly one. Words that are English words of
//! their own are left alone: "rice" is no price.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use chimera_questions::messages::Catalog;

use super::intents::Cue;
use super::vocabulary::{FILLER, TOPIC};
use super::words::{Correction, Kind, Token, Words};
use super::{assets, days, intents, metrics};

/// Names and keywords shorter than this are not looked for: too many words are one edit away from them.
const SHORTEST: usize = 5;

/// Words longer than this are no misspelt keyword; it bounds the work.
const LONGEST: usize = 24;

/// Unknown words beyond this many are not looked up: what has so many is no misspelt question. It bounds the work.
const MOST: usize = 40;

/// English words one edit away from a name or keyword, which are not that name or keyword misspelt. Taken from the word
/// list of SCOWL (<http://wordlist.aspell.net>), of which a list of single words may be used freely.
const ENGLISH: &str = include_str!("spelling/english.txt");

static OTHER_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| ENGLISH.split_whitespace().collect());

/// Names and keywords, with what tells whether two of them mean the same.
static KEYWORDS: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let mut keywords: HashMap<_, _> = days::names::all()
        .map(|word| (word, stem(word).to_owned()))
        .collect();
    // "Average" is part of a figure's name too ("moving average"); what it hints at tells more.
    for (word, cue) in intents::words() {
        keywords.entry(word).or_insert_with(|| hint(cue));
    }
    // "Verge" is a word like "average", so that "averge" would be either.
    let named = assets::ASSETS.words().map(|(word, _)| word);
    let named = named.filter(|word| !assets::is_wordlike(word));
    let figures = metrics::FIGURES.words().map(|(word, _)| word);
    for word in named.chain(figures) {
        keywords
            .entry(word)
            .or_insert_with(|| stem(word).to_owned());
    }
    keywords
});

/// Singular and plural mean the same.
fn stem(word: &str) -> &str {
    if word.ends_with("ss") {
        return word;
    }
    let singular = word.strip_suffix("es").filter(|stem| stem.ends_with("ss"));
    singular.or(word.strip_suffix('s')).unwrap_or(word)
}

/// The forms of a word hint at the same: "high", "highest".
fn hint(cue: Cue) -> String {
    match cue {
        Cue::HowFar(extreme) | Cue::Noun(extreme) | Cue::Most(extreme) => {
            format!("{:?}", Cue::Extreme(extreme))
        }
        cue => format!("{cue:?}"),
    }
}

/// Words that mean something besides being an asset's name.
static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let figures = metrics::FIGURES.words().map(|(word, _)| word);
    let hints = intents::words().map(|(word, _)| word);
    let common = FILLER
        .iter()
        .chain(TOPIC.iter())
        .chain(OTHER_WORDS.iter())
        .copied();
    figures
        .chain(hints)
        .chain(common)
        .chain(days::names::all())
        .collect()
});

/// Whether `word` means something besides being an asset's name.
pub(super) fn is_other_word(word: &str) -> bool {
    WORDS.contains(word)
}

/// Corrects what is misspelt, and notes it.
pub(super) fn correct(words: &mut Words, catalog: &Catalog) {
    let shouted = words.shouted;
    let unknown = words
        .tokens
        .iter_mut()
        .filter(|token| may_be_misspelt(token, shouted, catalog));
    for token in unknown.take(MOST) {
        if let Some(keyword) = meant(&token.text, catalog) {
            words.corrections.push(Correction {
                written: std::mem::replace(&mut token.text, keyword.clone()),
                taken_for: keyword,
            });
        }
    }
}

fn may_be_misspelt(token: &Token, shouted: bool, catalog: &Catalog) -> bool {
    let word = token.text.as_str();
    let ticker_like = token.cashtag || token.upper && !shouted && word.len() < SHORTEST;
    token.kind == Kind::Word
        && (SHORTEST - 1..=LONGEST).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !ticker_like
        && !is_known(word, catalog)
}

fn is_known(word: &str, catalog: &Catalog) -> bool {
    KEYWORDS.contains_key(word)
        || assets::is_wordlike(word)
        || FILLER.contains(word)
        || TOPIC.contains(word)
        || OTHER_WORDS.contains(word)
        || metrics::by_source_name(word).is_some()
        || catalog
            .assets
            .keys()
            .any(|ticker| ticker.as_str().eq_ignore_ascii_case(word))
}

/// The one keyword that `word` is one edit away from.
fn meant(word: &str, catalog: &Catalog) -> Option<String> {
    let near = |keyword: &str| {
        keyword.len() >= SHORTEST
            && keyword.len().abs_diff(word.len()) <= 1
            && strsim::osa_distance(keyword, word) == 1
    };
    let mut found: Vec<(String, String)> = KEYWORDS
        .iter()
        .filter(|(keyword, _)| near(keyword))
        .map(|(keyword, meaning)| ((*keyword).to_owned(), meaning.clone()))
        .collect();
    for ticker in catalog.assets.keys() {
        let name = ticker.to_lower();
        if near(&name) && !KEYWORDS.contains_key(name.as_str()) {
            found.push((name.clone(), name));
        }
    }
    // The order of a hash map is none.
    found.sort();
    let (keyword, meaning) = found.first()?;
    let same = found.iter().all(|(_, other)| other == meaning);
    same.then(|| keyword.clone())
}

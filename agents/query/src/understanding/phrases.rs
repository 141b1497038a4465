//! Tables of phrases, looked up by their first word, the longest first.

use std::collections::HashMap;

use super::words::Words;

/// Words or phrases with commas between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct List(pub(super) &'static str);

impl List {
    /// Each of them.
    pub(super) fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.split(',').map(str::trim)
    }

    /// Whether `word` is one of them.
    pub(super) fn contains(self, word: &str) -> bool {
        self.iter().any(|listed| listed == word)
    }
}

/// Phrases of one or more words, each standing for a `T`.
#[derive(Debug)]
pub(super) struct Phrases<T> {
    by_first: HashMap<&'static str, Vec<(Vec<&'static str>, T)>>,
}

impl<T: Copy> Phrases<T> {
    /// The table of `rows`: what is meant, and the phrases for it with commas between them.
    pub(super) fn new(rows: impl IntoIterator<Item = (T, &'static str)>) -> Self {
        let mut by_first: HashMap<&'static str, Vec<(Vec<&'static str>, T)>> = HashMap::new();
        for (meaning, phrases) in rows {
            for phrase in List(phrases).iter() {
                let words: Vec<&'static str> = phrase.split(' ').collect();
                by_first.entry(words[0]).or_default().push((words, meaning));
            }
        }
        for phrases in by_first.values_mut() {
            phrases.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        }
        Self { by_first }
    }

    /// The longest phrase that begins at `at`, and which tokens it is made of. Tokens that `skip` names may stand between
    /// its words.
    pub(super) fn longest_at(
        &self,
        words: &Words,
        at: usize,
        skip: impl Fn(usize) -> bool,
    ) -> Option<(T, Vec<usize>)> {
        let candidates = self.by_first.get(words.word(at)?)?;
        candidates.iter().find_map(|(phrase, meaning)| {
            matched(words, at, phrase, &skip).map(|tokens| (*meaning, tokens))
        })
    }

    /// Every word of every phrase, with what its phrase stands for.
    pub(super) fn words(&self) -> impl Iterator<Item = (&'static str, T)> {
        self.by_first
            .values()
            .flatten()
            .flat_map(|(words, meaning)| words.iter().map(|word| (*word, *meaning)))
    }
}

/// How many tokens may stand between two words of a phrase; it bounds the work.
const MAX_BETWEEN: usize = 4;

fn matched(
    words: &Words,
    at: usize,
    phrase: &[&str],
    skip: impl Fn(usize) -> bool,
) -> Option<Vec<usize>> {
    let mut tokens = vec![at];
    let mut next = at + 1;
    for wanted in &phrase[1..] {
        let furthest = next + MAX_BETWEEN;
        while words.word(next) != Some(wanted) {
            if next >= furthest || next >= words.tokens.len() || !skip(next) {
                return None;
            }
            next += 1;
        }
        tokens.push(next);
        next += 1;
    }
    Some(tokens)
}

//! The assets of a question: by ticker and by name.

use std::sync::LazyLock;

use chimera_questions::Ticker;
use chimera_questions::messages::Catalog;

use super::phrases::{List, Phrases};
use super::words::{Kind, Words};

/// Tickers and names of the assets that are known by name: the largest by market value in 2019, and some beyond.
/// Those in the catalog besides these are known by their ticker.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("BTC", "btc, bitcoin, bitcoins, xbt"),
    ("ETH", "eth, ethereum, ether, ethers"),
    ("XRP", "xrp, ripple"),
    ("BCH", "bch, bitcoin cash, bcash, bcc"),
    ("LTC", "ltc, litecoin, litecoins"),
    ("EOS", "eos"),
    ("BNB", "bnb, binance coin"),
    ("USDT", "usdt, tether"),
    ("XLM", "xlm, stellar, stellar lumens, lumens"),
    ("ADA", "ada, cardano"),
    ("TRX", "trx, tron"),
    ("BSV", "bsv, bitcoin sv, bitcoin satoshi vision"),
    ("XMR", "xmr, monero"),
    ("DASH", "dash"),
    ("MIOTA", "miota, iota"),
    ("NEO", "neo"),
    ("MKR", "mkr, maker"),
    ("ONT", "ont, ontology"),
    ("ETC", "etc, ethereum classic"),
    ("XEM", "xem, nem"),
    ("ATOM", "atom, cosmos"),
    ("ZEC", "zec, zcash, z cash"),
    ("XTZ", "xtz, tezos"),
    ("VET", "vet, vechain"),
    ("WAVES", "waves"),
    ("DOGE", "doge, dogecoin"),
    ("USDC", "usdc, usd coin"),
    ("BTG", "btg, bitcoin gold"),
    ("TUSD", "tusd, trueusd, true usd"),
    ("OMG", "omg, omisego"),
    ("QTUM", "qtum"),
    ("BAT", "bat, basic attention token"),
    ("LINK", "link, chainlink"),
    ("DCR", "dcr, decred"),
    ("LSK", "lsk, lisk"),
    ("BCD", "bcd, bitcoin diamond"),
    ("ZRX", "zrx, 0x"),
    ("BCN", "bcn, bytecoin"),
    ("DGB", "dgb, digibyte"),
    ("NANO", "nano"),
    ("ICX", "icx, icon"),
    ("BTT", "btt, bittorrent"),
    ("BTS", "bts, bitshares"),
    ("ZIL", "zil, zilliqa"),
    ("SC", "sc, siacoin"),
    ("REP", "rep, augur"),
    ("STEEM", "steem"),
    ("XVG", "xvg, verge"),
    ("KMD", "kmd, komodo"),
    ("PAX", "pax, paxos standard"),
    ("DAI", "dai"),
    ("ONE", "one, harmony"),
    ("HOT", "hot, holochain"),
    ("THETA", "theta"),
    ("ENJ", "enj, enjin"),
    ("AE", "ae, aeternity"),
    ("MAID", "maid, maidsafe"),
    ("SNT", "snt"),
    ("GNT", "gnt, golem"),
    ("STRAT", "strat, stratis"),
    ("ARK", "ark"),
    ("GRIN", "grin"),
    ("ZEN", "zen, horizen, zencash"),
    ("VTC", "vtc, vertcoin"),
    ("PIVX", "pivx"),
    ("MANA", "mana, decentraland"),
    ("KNC", "knc, kyber network"),
    ("ELF", "elf, aelf"),
    ("IOST", "iost"),
    ("RVN", "rvn, ravencoin"),
];

/// Tickers and names that are words too: they are assets only where an asset would stand.
const WORDLIKE: List = List(
    "one, link, bat, etc, maker, waves, hot, ark, mana, elf, icon, harmony, rep, ae, sc, maid, atom, \
     verge, vet, zen, omg, grin",
);

/// Whether a ticker or name is a word too.
pub(super) fn is_wordlike(word: &str) -> bool {
    WORDLIKE.contains(word)
}

/// An asset in a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetMention {
    /// The asset.
    pub ticker: Ticker,
    /// The tokens that name it.
    pub tokens: Vec<usize>,
}

/// Every name of an asset.
pub(super) static ASSETS: LazyLock<Phrases<&'static str>> =
    LazyLock::new(|| Phrases::new(NAMES.iter().map(|(ticker, names)| (*ticker, *names))));

/// The assets of a question, in the order said. `taken` are the tokens that are days.
pub(super) fn mentions(words: &Words, catalog: &Catalog, taken: &[bool]) -> Vec<AssetMention> {
    let mut mentions: Vec<AssetMention> = Vec::new();
    let mut at = 0;
    while at < words.tokens.len() {
        let found = if taken[at] {
            None
        } else {
            at_token(words, catalog, at)
        };
        match found.filter(|asset| stands_as_asset(words, asset)) {
            Some(asset) => {
                at = asset.tokens.last().map_or(at, |last| *last) + 1;
                mentions.push(asset);
            }
            None => at += 1,
        }
    }
    mentions
}

fn at_token(words: &Words, catalog: &Catalog, at: usize) -> Option<AssetMention> {
    if let Some((ticker, tokens)) = ASSETS.longest_at(words, at, |_| false) {
        let ticker = Ticker::new(ticker);
        return Some(AssetMention { ticker, tokens });
    }
    let word = words.word(at)?;
    if let Some(base) = word
        .strip_suffix("usdt")
        .or_else(|| word.strip_suffix("usd"))
        && let Some((ticker, _)) = NAMES
            .iter()
            .find(|(ticker, _)| ticker.eq_ignore_ascii_case(base))
    {
        let ticker = Ticker::new(ticker);
        return Some(AssetMention {
            ticker,
            tokens: vec![at],
        });
    }
    let ticker = Ticker::new(word);
    catalog.assets.contains_key(&ticker).then(|| AssetMention {
        ticker,
        tokens: vec![at],
    })
}

/// Whether a name that is also a word stands where an asset would.
fn stands_as_asset(words: &Words, asset: &AssetMention) -> bool {
    let (Some(first), Some(last)) = (asset.tokens.first(), asset.tokens.last()) else {
        return false;
    };
    let token = &words.tokens[*first];
    let ambiguous = first == last
        && (WORDLIKE.contains(&token.text) || super::spelling::is_other_word(&token.text));
    if !ambiguous || token.cashtag {
        return true;
    }
    let next = *last + 1;
    let subject = words.is_any_before(*first, &["is", "was", "did", "does"])
        && words.is_any(next, &["worth", "cost"]);
    let counts = token.text == "one" && !subject && counts_something(words, next);
    if token.upper && !words.shouted {
        return !counts;
    }
    let after_article = words.is_any_before(
        *first,
        &["a", "an", "the", "this", "that", "any", "which", "no"],
    );
    if after_article || counts {
        return false;
    }
    let figure_next = super::metrics::FIGURES
        .longest_at(words, next, |_| false)
        .is_some();
    let led = *first == 0 || words.is_in_before(*first, LEADING);
    let ends = next >= words.tokens.len()
        || matches!(words.kind(next), Some(Kind::Mark(_)))
        || words.is_in(next, FOLLOWING)
        || super::intents::is_movement(words, next);
    // "Price, volume etc." lists; "the price of etc" names.
    let listing = token.text == "etc"
        && (words.is_mark(next, '.') || words.is_mark(first.wrapping_sub(1), ','));
    !listing && (figure_next && token.text != "one" || led && ends)
}

/// Whether "one" counts what follows: "one zcash", "one day", "one transaction", "one of them".
fn counts_something(words: &Words, next: usize) -> bool {
    words.word(next).is_some_and(|word| {
        super::days::names::is_unit_name(word)
            || matches!(
                word,
                "of" | "coin" | "unit" | "token" | "piece" | "single" | "dollar"
            )
    }) || ASSETS.longest_at(words, next, |_| false).is_some()
        || super::metrics::FIGURES
            .longest_at(words, next, |_| false)
            .is_some()
}

/// Words that an asset's name may follow.
const LEADING: List = List(
    "of, for, is, did, does, do, was, has, had, on, vs, versus, than, and, or, about, with, are, were, \
     between, compare, how, buy, show, me, chart, to, will",
);

/// Words that may follow an asset's name.
const FOLLOWING: List = List(
    "in, on, since, over, during, from, last, this, yesterday, today, now, and, or, vs, versus, between, \
     before, after, until, at, doing, worth, cost, do, compared, ever, for, currently, trading, reach, \
     hit, the, past, next, tomorrow, ytd, correlated, correlate, be, go, get",
);

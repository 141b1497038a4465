//! Words that hold a sentence together, and words that say what it is about without naming an asset or a figure.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::phrases::List;

/// Words that need not be understood for a question to be.
pub(super) static FILLER: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    List(
    "a, about, active, process, lately, count, convert, converted, usually, normally, numbers, thing, things, maybe, perhaps, above, again, all, also, am, an, and, any, approximately, are, as, at, back, be, been, \
     before, being, below, both, but, by, can, close, closing, could, current, currently, daily, day, \
     days, did, didnt, display, do, does, doesnt, dollar, dollars, during, each, either, ever, every, \
     exact, exactly, far, figure, figures, find, for, from, fully, generally, get, give, given, had, \
     has, have, he, hello, help, her, hey, hi, him, his, historic, historical, historically, how, i, id, \
     if, im, in, into, is, isnt, it, its, just, kindly, know, last, less, let, level, levels, like, \
     list, long, look, looked, looking, looks, lower, higher, made, many, may, me, might, month, \
     monthly, months, more, most, much, my, need, no, not, now, number, of, off, ok, okay, on, one, \
     only, open, opening, or, other, our, out, over, overall, per, period, piece, please, pls, point, \
     question, quickly, range, really, recent, recently, roughly, said, say, see, she, should, show, \
     single, since, so, some, still, such, tell, thank, thanks, that, the, their, them, then, there, \
     these, they, this, those, through, throughout, time, times, to, today, too, total, under, unit, \
     until, us, usd, utc, very, want, was, we, week, weekly, weeks, well, were, what, when, where, \
     whether, which, while, who, whole, will, with, within, would, year, yearly, years, yes, you, your, \
     amount, terms, across, entire, end, ended, start, started, begin, began, beginning, reach, reached, \
     hit, happen, come, came, took, take, place, date, dates, make, makes, used, use, stand, stood, \
     stands, between, own, compare, called, name, named, got, new, big, large, small, high, low, bit, \
     lot, further, actually, simply, basically, kind, sort, good, bad, better, worse, check, report, \
     answer, details, detail, metric, metrics, data, series, dataset, record, recorded, idea, wondering, \
     wonder, curious, interested, possible, paid, pay, bought, sold, buy, sell, buying, selling, sent, \
     send, processed, seen, saw, whats, hows, half, early, late, mid, around, cent, percent, percentage, \
     united, states, american, s, same, first, second, third, next, after, ago, yet, already, up, down, \
     because, without, via, de, full, here",
    )
    .iter()
    .collect()
});

/// Words that make a question one about markets or chains even where neither asset nor figure is named.
pub(super) static TOPIC: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    List(
    "crypto, cryptos, cryptocurrency, cryptocurrencies, coin, coins, token, tokens, blockchain, \
     blockchains, altcoin, altcoins, market, markets, mining, miners, miner, trading, traded, trade, \
     trades, traders, exchange, exchanges, currency, currencies, asset, assets, chain, network, onchain, \
     investors, investor, holdings, investment, stablecoin, stablecoins, defi, mined, minted, \
     transacted, transferred, confirmed",
    )
    .iter()
    .collect()
});

//! The metrics of a question: by name, by what people call them, and by what the sources call them.

use std::sync::LazyLock;

use chimera_questions::Metric;

use super::phrases::{List, Phrases};

/// What a phrase asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// A metric there is.
    Metric(Metric),
    /// A figure that people ask for and no source here has, with its name and the metric that is nearest to it.
    Unavailable(&'static str, Metric),
}

/// What each metric is called, besides its name in the JSON and its columns, which are added to these.
const CALLED: &[(Metric, &str)] = &[
    (
        Metric::PriceUsd,
        "price, prices, priced, worth, value, values, exchange rate, exchange rates, quote, quotes, \
         quotation, cost, costs, price usd, pricing, trading at, trade at, traded at, trades at, was traded at, \
         is traded at, was traded for, traded for, expensive, cheap, price tag, price in usd, price in dollars",
    ),
    (
        Metric::MarketCapUsd,
        "market cap, market caps, marketcap, market capitalization, market capitalisation, capitalization, \
         capitalisation, mcap, mktcap, market value, valuation, cap, market cap usd, marketcap usd, \
         market size",
    ),
    (
        Metric::RealizedCapUsd,
        "realized cap, realised cap, realized capitalization, realised capitalization, \
         realized capitalisation, realised capitalisation, realized market cap, realised market cap, \
         realizedcap, realizedcap usd, realized cap usd, realized value, realised value",
    ),
    (
        Metric::ExchangeVolumeUsd,
        "trading volume, trading volumes, traded volume, trade volume, volume, volumes, turnover, \
         exchange volume, exchange volumes, volume traded, market volume, exchangevolume, \
         exchangevolume usd, exchange volume usd, volume usd, was traded, were traded, is traded, are traded",
    ),
    (
        Metric::TxCount,
        "transactions, transaction, number of transactions, transaction count, transaction counts, \
         transaction number, transaction numbers, count of transactions, transactions per day, tx, txs, txn, \
         txns, tx count, txs per day, tx per day, number of txs, number of tx, txcount, transfers, \
         number of transfers, transaction activity, amount of transactions",
    ),
    (
        Metric::TxVolumeUsd,
        "transaction volume, transaction volumes, transactions volume, tx volume, volume of transactions, \
         on chain volume, onchain volume, chain volume, on chain transaction volume, transferred value, \
         value transferred, transfer volume, transfer value, value moved on chain, value moved, \
         volume transferred, value of transfers, value of transactions, txvolume, txvolume usd, \
         tx volume usd, volume on chain, volume onchain, transacted value, transacted volume, settled value, \
         settlement volume, value sent, value was sent, value was moved, value was transferred, \
         volume was transferred, was transferred, were transferred, was moved, was sent, were sent, \
         moved on chain, transferred on chain, sent on chain",
    ),
    (
        Metric::AdjustedTxVolumeUsd,
        "adjusted volume, adjusted volumes, adjusted transaction volume, adjusted tx volume, \
         adjusted on chain volume, adjusted onchain volume, adjusted transfer volume, adjustedtxvolume, \
         adjustedtxvolume usd, adjusted tx volume usd, adjusted transferred value, adjusted transfer value",
    ),
    (
        Metric::PaymentCount,
        "payments, payment, number of payments, payment count, payment counts, payments per day, \
         count of payments, paymentcount",
    ),
    (
        Metric::ActiveAddresses,
        "addresses, address, active addresses, active address, number of active addresses, \
         number of addresses, address count, active address count, users, user, active users, \
         number of users, number of active users, user count, daily active users, dau, \
         daily active addresses, wallets, active wallets, addresses in use, activeaddresses, participants, \
         address activity, people use, people used, people using, people were using",
    ),
    (
        Metric::Fees,
        "fees, total fees, transaction fees, tx fees, network fees, total transaction fees, total fee, \
         sum of fees, fees paid, fee revenue, miner fees, mining fees, fee total",
    ),
    (
        Metric::MedianFee,
        "median fee, median fees, typical fee, typical fees, fee, transaction fee, tx fee, \
         fee of a transaction, fee of transaction, fee per transaction, fees per transaction, \
         fee for a transaction, fee for transaction, fee of one transaction, cost of transaction, \
         cost of transactions, cost of a transaction, cost of one transaction, cost per transaction, \
         transaction cost, transaction costs, tx cost, cost of sending, cost to send, cost to transfer, \
         cost of a transfer, cost of transfer, cost of tx, median transaction fee, median transaction fees, \
         median tx fee, typical transaction fee, typical transaction cost, medianfee, \
         price of a transaction, price of transaction, transaction price, expensive to send, cheap to send, \
         expensive is transaction, expensive was transaction, expensive are transactions, \
         expensive were transactions, expensive is it to send, expensive was it to send, network fee, \
         price per transaction, median transaction cost",
    ),
    (
        Metric::MedianTxValueUsd,
        "typical transaction, typical transactions, median transaction value, median tx value, \
         median transaction, median transaction size, median tx, typical transaction value, \
         typical transaction size, typical tx, median value of a transaction, median value of transactions, \
         median value of transaction, mediantxvalue, mediantxvalue usd, median tx value usd, \
         transaction value, transaction values, tx value, value of a transaction, value of transaction, \
         value per transaction, transaction size, size of a transaction, size of transaction, \
         size of transactions, typical payment, median payment, median transfer",
    ),
    (
        Metric::BlockCount,
        "blocks, block, blocks per day, number of blocks, block count, block counts, count of blocks, \
         blocks mined, blocks were mined, blocks are mined, blocks were found, blocks were produced, \
         mined blocks, blocks found, blocks produced, block production, blockcount, new blocks",
    ),
    (
        Metric::BlockSizeBytes,
        "block size, block sizes, blocksize, blocksizes, size of block, size of blocks, size of the blocks, \
         bytes, bytes per block, bytes per day, block bytes, block weight, block space, block data, \
         large is block, large was block, large are blocks, large were blocks, big is block, big was block, \
         big are blocks, big were blocks, full are blocks, full were blocks",
    ),
    (
        Metric::Difficulty,
        "difficulty, mining difficulty, network difficulty, averagedifficulty, difficulties, block difficulty",
    ),
    (
        Metric::GeneratedCoins,
        "new coins, issuance, supply growth, coins issued, issued coins, generated coins, coins generated, \
         coins mined, mined coins, newly mined coins, newly minted coins, minted coins, coins minted, \
         newly issued coins, newly generated coins, coins created, created coins, coin issuance, \
         coin generation, generatedcoins, emission, emissions, number of new coins, growth of supply, \
         growth of the supply, coin creation, coins were mined, coins are mined, coins were issued, \
         coins were generated, coins were created, are issued, is issued, are created, are generated, are minted, issued per day, were mined, are mined, were minted, were issued, \
         were generated, were created, miners earn, miners earned, miners make, miners made, miner earn, \
         earned by miners",
    ),
    (
        Metric::BlockHeight,
        "block height, high is chain, long is chain, high is blockchain, long is blockchain, blockheight, chain tip, chain height, height of chain, height of the chain, height, \
         getblockcount, block number, latest block, last block, current block, blockchain height, tip, \
         newest block, height of the blockchain, length of the chain, chain length",
    ),
];

/// Figures that people ask for and that no source here has.
const UNAVAILABLE: &[(&str, Metric, &str)] = &[
    (
        "hash rate",
        Metric::Difficulty,
        "hashrate, hashrates, hash rate, hash power, hashpower, hashing power",
    ),
    (
        "circulating supply",
        Metric::GeneratedCoins,
        "supply, circulating supply, total supply, coin supply, coins in circulation, circulation, max supply",
    ),
    (
        "inflation",
        Metric::GeneratedCoins,
        "inflation, inflation rate",
    ),
    (
        "block reward",
        Metric::GeneratedCoins,
        "block reward, block rewards, mining reward, mining rewards, block subsidy",
    ),
    (
        "miner revenue",
        Metric::Fees,
        "miner revenue, mining revenue, miners revenue, mining profitability",
    ),
    (
        "block time",
        Metric::BlockCount,
        "block time, block times, block interval, time between blocks",
    ),
    ("dominance", Metric::MarketCapUsd, "dominance, market share"),
    (
        "gas price",
        Metric::MedianFee,
        "gas price, gas prices, gas, gas fees, gas fee, gas used, gas limit",
    ),
    (
        "mempool size",
        Metric::TxCount,
        "mempool, mempool size, unconfirmed transactions, pending transactions",
    ),
    (
        "transactions per second",
        Metric::TxCount,
        "tps, transactions per second, throughput",
    ),
    (
        "number of holders",
        Metric::ActiveAddresses,
        "holders, hodlers, number of holders, token holders",
    ),
    (
        "number of nodes",
        Metric::ActiveAddresses,
        "nodes, node count, number of nodes, full nodes",
    ),
    (
        "number of shielded transactions",
        Metric::TxCount,
        "shielded transactions, shielded pool, shielded, private transactions",
    ),
    ("NVT ratio", Metric::MarketCapUsd, "nvt, nvt ratio"),
    ("MVRV ratio", Metric::RealizedCapUsd, "mvrv, mvrv ratio"),
    (
        "moving average",
        Metric::PriceUsd,
        "moving average, rsi, macd, bollinger bands",
    ),
    (
        "order book",
        Metric::ExchangeVolumeUsd,
        "order book, orderbook, bid, ask price, bid price, spread, liquidity",
    ),
    (
        "open interest",
        Metric::ExchangeVolumeUsd,
        "open interest, futures",
    ),
    (
        "sentiment",
        Metric::PriceUsd,
        "sentiment, tweets, google searches, search interest, news",
    ),
];

/// Words for a metric that mean other things in most sentences, and do not make one a question about markets.
pub(super) const WEAK: List = List(
    "value, values, cost, costs, worth, quote, quotes, users, user, address, addresses, payments, \
     payment, fee, fees, block, blocks, cap, height, tip, volume, difficulty, expensive, cheap, \
     participants, news, supply, nodes, spread, transfers, bid, gas, throughput, emission, emissions",
);

/// Every phrase for a figure.
pub(super) static FIGURES: LazyLock<Phrases<Figure>> = LazyLock::new(|| {
    let called = CALLED
        .iter()
        .map(|(metric, phrases)| (Figure::Metric(*metric), *phrases));
    let unavailable = UNAVAILABLE
        .iter()
        .map(|(name, nearest, phrases)| (Figure::Unavailable(name, *nearest), *phrases));
    Phrases::new(called.chain(unavailable))
});

/// The metric whose name in the JSON, column or Coin Metrics name is `word` (in lower case).
pub(super) fn by_source_name(word: &str) -> Option<Metric> {
    Metric::all().find(|metric| {
        metric.name() == word
            || metric
                .coin_metrics()
                .is_some_and(|name| name.eq_ignore_ascii_case(word))
    })
}

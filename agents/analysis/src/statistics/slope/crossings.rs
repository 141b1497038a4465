//! Which pairs of points have a slope in a window, without looking at the others.
//!
//! Seen along a slope `t`, a point lies at the height `y - t x`. A later point lies below an earlier one exactly when the
//! slope between them is less than `t`. So the pairs whose slopes lie between `low` and `high` are those that change their
//! order of height between the two views; counting inversions gives how many slopes are below, in O(n log n), and sorting
//! by insertion meets each pair that changes its order, in O(n log n + found).
//!
//! Source of the idea: Matoušek, "Randomized optimal algorithm for slope selection", 1991. Heights are rounded, so pairs
//! that are closer than what rounding can do count as inside; their slopes, computed for themselves, decide.

use std::ops::RangeInclusive;

/// Units of the last place, relative to the largest number involved, that heights may differ by and still count as equal.
/// Rounding of two heights, their sum with the margin and the slope itself comes to less than a third of it.
const MARGIN: f64 = 16.0 * f64::EPSILON;

/// The points as seen along the two slopes of a window.
pub(super) struct Crossings {
    /// Heights along the lower slope.
    low: Vec<f64>,
    /// Heights along the upper slope.
    high: Vec<f64>,
    margin: f64,
}

impl Crossings {
    pub(super) fn new(x: &[f64], y: &[f64], window: RangeInclusive<f64>) -> Self {
        let (low, high) = window.into_inner();
        // Days count from the first one, so that they are small against their distances.
        let origin = x.first().copied().unwrap_or_default();
        let along = |slope: f64| -> Vec<f64> {
            x.iter()
                .zip(y)
                .map(|(x, y)| y - slope * (x - origin))
                .collect()
        };
        let span = x.last().copied().unwrap_or_default() - origin;
        let largest = y.iter().fold(0.0_f64, |largest, y| largest.max(y.abs()));
        Self {
            low: along(low),
            high: along(high),
            margin: MARGIN * (largest + low.abs().max(high.abs()) * span),
        }
    }

    /// How many pairs have a slope that is surely below the window.
    pub(super) fn count_below(&self) -> usize {
        count_surely_falling(&mut self.low.clone(), &mut self.low.clone(), self.margin)
    }

    /// Calls `found` with every pair `i < j` whose slope is neither surely below nor surely above the window.
    pub(super) fn for_each_inside(&self, mut found: impl FnMut(usize, usize)) {
        let Self { low, high, margin } = self;
        let mut order: Vec<usize> = (0..low.len()).collect();
        order.sort_unstable_by(|&a, &b| low[a].total_cmp(&low[b]).then(a.cmp(&b)));
        // What was met so far, ascending along the upper slope.
        let mut met: Vec<usize> = Vec::with_capacity(low.len());
        for (place, &point) in order.iter().enumerate() {
            let near = |other: &&usize| high[**other] + margin >= high[point];
            for &earlier in met.iter().rev().take_while(near) {
                if earlier < point {
                    found(earlier, point);
                }
            }
            // A later point that lies just below: rounding may have swapped the two.
            let tied = |other: &&usize| low[**other] + margin >= low[point];
            for &later in order[..place].iter().rev().take_while(tied) {
                if later > point && high[later] <= high[point] + margin {
                    found(point, later);
                }
            }
            let place = met.iter().rposition(|&other| high[other] <= high[point]);
            met.insert(place.map_or(0, |place| place + 1), point);
        }
    }
}

/// Sorts `heights` by merging, and counts the pairs that fall by more than `margin`; `spare` has the same length.
fn count_surely_falling(heights: &mut [f64], spare: &mut [f64], margin: f64) -> usize {
    if heights.len() < 2 {
        return 0;
    }
    let middle = heights.len() / 2;
    let (left, right) = heights.split_at_mut(middle);
    let (spare_left, spare_right) = spare.split_at_mut(middle);
    let mut falling = count_surely_falling(left, spare_left, margin)
        + count_surely_falling(right, spare_right, margin);
    let mut above = 0;
    for height in right.iter() {
        while above < left.len() && left[above] <= height + margin {
            above += 1;
        }
        falling += left.len() - above;
    }
    let (mut l, mut r) = (0, 0);
    for slot in spare.iter_mut() {
        let from_left = r == right.len() || (l < left.len() && left[l] <= right[r]);
        let (side, next) = if from_left {
            (&*left, &mut l)
        } else {
            (&*right, &mut r)
        };
        *slot = side[*next];
        *next += 1;
    }
    heights.copy_from_slice(spare);
    falling
}

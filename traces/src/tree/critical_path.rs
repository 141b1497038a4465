//! The critical path: the chain of spans that decided when the trace ended.

use super::{Kind, Span};

/// A piece of the critical path.
///
/// The path is Jaeger's: from the end of the trace backwards, always into the child that finished last, and a span has
/// the time in which none of its children on the path ran. Unlike Jaeger's it crosses the bus: a CONSUMER may outlive
/// its PRODUCER, is followed all the same, and the time that its message waited is a section of its own, spent in the queue.
/// Nor has all that a message set off to be over: an agent that announced its result, and waits for the broker to confirm
/// that, is followed back from where the announcement was handled by the service that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// An index into [`Trace::spans`](super::Trace::spans).
    pub span: usize,
    /// Nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// Nanoseconds since the Unix epoch.
    pub end_ns: u64,
    /// Whether the span's message was waiting in its queue, before the span itself began.
    pub in_queue: bool,
}

/// The part of a span that counts. Clocks of hosts differ: a child is cut to its parent unless a queue is between them.
#[derive(Clone, Copy)]
struct Extent {
    start: u64,
    end: u64,
    /// When the last of what it set off ended: `end`, or later where consumers go on.
    reach: u64,
}

pub(super) fn compute(
    spans: &[Span],
    parents: &[Option<usize>],
    children: &[Vec<usize>],
) -> Vec<Section> {
    let extents = extents(spans, parents, children);
    let roots = (0..spans.len()).filter(|index| parents[*index].is_none());
    let Some(top) =
        roots.max_by_key(|index| extents[*index].map_or(0, |extent| extent.reach - extent.start))
    else {
        return Vec::new();
    };
    let mut path = Walk {
        spans,
        children,
        extents: &extents,
        sections: Vec::new(),
    }
    .from(top);
    path.reverse();
    path
}

/// `None` for what began after its parent was over, other than through a queue: nobody can have waited for it.
fn extents(
    spans: &[Span],
    parents: &[Option<usize>],
    children: &[Vec<usize>],
) -> Vec<Option<Extent>> {
    let mut extents: Vec<Option<Extent>> = vec![None; spans.len()];
    let mut order: Vec<usize> = (0..spans.len())
        .filter(|index| parents[*index].is_none())
        .collect();
    let mut next = 0;
    while let Some(&index) = order.get(next) {
        next += 1;
        let parent = parents[index]
            .map(|parent| extents[parent].expect("a parent is placed before its children"));
        let sender = parents[index].map(|parent| spans[parent].kind);
        extents[index] = placed(&spans[index], sender, parent);
        if extents[index].is_some() {
            order.extend(&children[index]);
        }
    }
    for &index in order.iter().rev() {
        if let (Some(extent), Some(parent)) = (extents[index], parents[index])
            && let Some(above) = &mut extents[parent]
        {
            above.reach = above.reach.max(extent.reach);
        }
    }
    extents
}

fn placed(span: &Span, sender: Option<Kind>, parent: Option<Extent>) -> Option<Extent> {
    let (mut start, mut end) = (span.start_ns, span.end_ns());
    if let Some(parent) = parent {
        start = start.max(parent.start);
        // Who asked waits for the reply, and not for what its consumer still does once that is sent.
        let may_outlive = span.kind == Kind::Consumer && sender != Some(Kind::Client);
        if !may_outlive {
            end = end.min(parent.end);
        }
        if start > end {
            return None;
        }
    }
    Some(Extent {
        start,
        end,
        reach: end,
    })
}

struct Walk<'a> {
    spans: &'a [Span],
    children: &'a [Vec<usize>],
    extents: &'a [Option<Extent>],
    /// Latest first.
    sections: Vec<Section>,
}

/// A span whose children are being walked, the last to finish first.
struct Visit<'a> {
    span: usize,
    extent: Extent,
    /// The service that went on when this was handled.
    service: &'a str,
    /// By reach, so that the last to finish is popped first.
    children: Vec<(usize, Extent)>,
    /// Children that were still under way when what came after them began.
    under_way: Vec<usize>,
}

/// The child that the path goes on in, and from when.
struct Step {
    child: usize,
    end: u64,
    is_under_way: bool,
}

impl<'a> Walk<'a> {
    fn from(mut self, top: usize) -> Vec<Section> {
        let Some(visit) = self.visit(top, &self.spans[top].service) else {
            return self.sections;
        };
        let mut now = visit.extent.reach;
        let mut open = vec![visit];
        while let Some(visit) = open.last_mut() {
            let step = self.step(visit, now);
            let (span, extent, service) = (visit.span, visit.extent, visit.service);
            match step {
                Some(step) => {
                    self.push(span, extent, step.end, now);
                    now = step.end;
                    let service = if step.is_under_way {
                        service
                    } else {
                        &self.spans[step.child].service
                    };
                    open.extend(self.visit(step.child, service));
                }
                None => {
                    self.push(span, extent, extent.start, now);
                    now = now.min(extent.start);
                    open.pop();
                    if let Some(parent) = open.last() {
                        self.push_queue(span, parent.extent, &mut now);
                    }
                }
            }
        }
        self.sections
    }

    fn visit(&self, span: usize, service: &'a str) -> Option<Visit<'a>> {
        let extent = self.extents[span]?;
        let placed = |child: &usize| Some((*child, self.extents[*child]?));
        let mut children: Vec<_> = self.children[span].iter().filter_map(placed).collect();
        children.sort_by_key(|(_, extent)| extent.reach);
        Some(Visit {
            span,
            extent,
            service,
            children,
            under_way: Vec::new(),
        })
    }

    /// What finished last before `now`: a child, or a message that one sent which is itself still under way.
    fn step(&self, visit: &mut Visit<'_>, now: u64) -> Option<Step> {
        while let Some((child, _)) = visit.children.pop_if(|(_, extent)| extent.reach > now) {
            visit.under_way.push(child);
        }
        let handled = |child: &usize| Some((*child, self.handled(*child, visit.service, now)?));
        let under_way = visit.under_way.iter().filter_map(handled);
        let under_way = under_way.max_by_key(|(_, end)| *end);
        let over = visit.children.last().map(|(_, extent)| extent.reach);
        match under_way {
            Some((child, end)) if over.is_none_or(|over| over < end) => {
                visit.under_way.retain(|other| *other != child);
                Some(Step {
                    child,
                    end,
                    is_under_way: true,
                })
            }
            _ => visit.children.pop().map(|(child, extent)| Step {
                child,
                end: extent.reach,
                is_under_way: false,
            }),
        }
    }

    /// When `service` last handled a message, before `now`, that came from below `span`, which ends later.
    fn handled(&self, span: usize, service: &str, now: u64) -> Option<u64> {
        let (mut open, mut last) = (vec![span], None);
        while let Some(index) = open.pop() {
            match self.extents[index] {
                Some(extent) if extent.reach > now && extent.start < now => {
                    open.extend(&self.children[index]);
                }
                Some(extent) if extent.reach <= now => {
                    let span = &self.spans[index];
                    if span.kind == Kind::Consumer && span.service == service {
                        last = last.max(Some(extent.reach));
                    }
                }
                _ => {}
            }
        }
        last
    }

    /// The part of `from..to` in which the span itself ran.
    fn push(&mut self, span: usize, extent: Extent, from: u64, to: u64) {
        let (start_ns, end_ns) = (from.max(extent.start), to.min(extent.end));
        if start_ns < end_ns {
            self.sections.push(Section {
                span,
                start_ns,
                end_ns,
                in_queue: false,
            });
        }
    }

    /// The time in which the message waited: as long as the consumer says, and at least since its sender was over.
    fn push_queue(&mut self, consumer: usize, sender: Extent, now: &mut u64) {
        if self.spans[consumer].kind != Kind::Consumer {
            return;
        }
        let wait_ms = self.spans[consumer].queue_wait_ms().unwrap_or(0.0);
        let queued = now.saturating_sub((wait_ms.max(0.0) * 1e6) as u64);
        let start_ns = queued.min(sender.end).max(sender.start);
        if start_ns < *now {
            self.sections.push(Section {
                span: consumer,
                start_ns,
                end_ns: *now,
                in_queue: true,
            });
            *now = start_ns;
        }
    }
}

'use strict';

// A histogram of nanoseconds: 32 buckets to a power of two, so that a value is known to 3 %, and recording one costs a few nanoseconds.
// The compiled programs have the same buckets (../peers/load.h).

const BUCKETS = 1024;

function bucketOf(ns) {
  if (ns < 32) return ns;
  const shift = 26 - Math.clz32(ns);
  return (shift << 5) + (ns >>> shift);
}

/** The middle of a bucket. */
function valueOf(bucket) {
  if (bucket < 64) return bucket;
  const width = 2 ** ((bucket >> 5) - 1);
  return ((bucket & 31) + 32) * width + (width - 1) / 2;
}

class Histogram {
  counts = new Uint32Array(BUCKETS);
  total = 0;

  record(ns) {
    ++this.counts[bucketOf(Math.min(ns, 0xffffffff) >>> 0)];
    ++this.total;
  }

  /** Adds pairs of [bucket, count], as toPairs() gives them. */
  add(pairs) {
    for (const [bucket, count] of pairs) {
      this.counts[bucket] += count;
      this.total += count;
    }
    return this;
  }

  toPairs() {
    return [...this.counts].map((count, bucket) => [bucket, count]).filter(([, count]) => count > 0);
  }

  /** The value that `percent` of all are at or below; NaN of an empty histogram. */
  percentile(percent) {
    const wanted = Math.max(1, Math.ceil((this.total * percent) / 100));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; ++bucket) {
      seen += this.counts[bucket];
      if (seen >= wanted) return valueOf(bucket);
    }
    return NaN;
  }

  /**
   * The value that is reached at `percent` of all moments, if one follows the other and each lasts as long as its value: a moment falls into a long one more
   * often than into a short one.
   */
  percentileOfTime(percent) {
    const times = this.toPairs().map(([bucket, count]) => [valueOf(bucket), valueOf(bucket) * count]);
    const wanted = (times.reduce((sum, [, time]) => sum + time, 0) * percent) / 100;
    let seen = 0;
    for (const [value, time] of times) {
      seen += time;
      if (seen >= wanted) return value;
    }
    return NaN;
  }
}

module.exports = { Histogram, bucketOf, valueOf };

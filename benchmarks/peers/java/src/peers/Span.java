package peers;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/** From the first event to the last: time, CPU time of the process, hits. Also of the second half alone, for which the
 * JVM is warm. */
public final class Span {
    private record Moment(long ns, long cpuNs) {
        static Moment now() {
            var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            return new Moment(System.nanoTime(), system.getProcessCpuTime());
        }
    }

    private final long events;
    private final List<String> rules;
    private final AtomicLong done = new AtomicLong();
    private final CountDownLatch over = new CountDownLatch(1);
    private final List<Tally> tallies = new ArrayList<>();
    private volatile Moment first, half, last;

    public Span(long events, List<String> rules) {
        this.events = events;
        this.rules = rules;
    }

    /** Hits of one thread. */
    public final class Tally {
        private final long[] hits = new long[Long.SIZE];

        public void add(long bits) {
            for (long left = bits; left != 0; left &= left - 1) {
                hits[Long.numberOfTrailingZeros(left)]++;
            }
        }
    }

    public synchronized Tally tally() {
        Tally made = new Tally();
        tallies.add(made);
        return made;
    }

    /** To be called before the first event is worked on; later calls cost nothing. */
    public void begin() {
        if (first == null) {
            synchronized (this) {
                first = first == null ? Moment.now() : first;
            }
        }
    }

    /** So many more events are through; their hits have been tallied. */
    public void done(long more) {
        long now = done.addAndGet(more);
        if (now >= events / 2 && now - more < events / 2) {
            half = Moment.now();
        }
        if (now >= events && now - more < events) {
            last = Moment.now();
            over.countDown();
        }
    }

    public boolean isOver() {
        return over.getCount() == 0;
    }

    public void await() throws InterruptedException {
        over.await();
    }

    /** One line of JSON on standard output. */
    public void report() throws IOException {
        long[] hits = new long[rules.size()];
        for (Tally tally : tallies) {
            for (int rule = 0; rule < hits.length; rule++) {
                hits[rule] += tally.hits[rule];
            }
        }
        List<String> named = new ArrayList<>();
        for (int rule = 0; rule < hits.length; rule++) {
            named.add("\"%s\": %d".formatted(rules.get(rule), hits[rule]));
        }
        System.out.printf(
                "{\"events\": %d, \"whole\": %s, \"second_half\": %s, \"rss_peak_kb\": %d, \"hits\": {%s}}%n",
                done.get(), between(first, last, events), between(half, last, events - events / 2), peakKb(),
                String.join(", ", named));
    }

    private static String between(Moment from, Moment to, long events) {
        return "{\"events\": %d, \"wall_s\": %.6f, \"cpu_s\": %.6f}"
                .formatted(events, (to.ns - from.ns) / 1e9, (to.cpuNs - from.cpuNs) / 1e9);
    }

    private static long peakKb() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }
}

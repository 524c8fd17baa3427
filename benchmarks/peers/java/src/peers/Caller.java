package peers;

/** Calls and different callees of one source in the last hour, in twelve panes. Fields are public: Flink's rule for
 * state that it writes without Kryo. */
public final class Caller {
    public static final int PANES = 12;
    private static final int PAIRS_MIN = 32;

    public int newest = Integer.MIN_VALUE / 2;
    public int kept;
    public int[] calls = new int[PANES];
    public int[] callees = new int[PANES]; // who was last called in that pane

    /** Counts a call, unless it is too late for the window; the rules that it hits. */
    public long call(int pane, long callee, Pairs pairs, Job job) {
        if (pane > newest - PANES) {
            advance(pane);
            calls[pane % PANES]++;
            if (callee != 0) {
                meet(pane, callee, pairs);
            }
        }
        long hits = total(calls) >= job.callsAtLeast ? job.manyCalls : 0;
        return total(callees) >= job.calleesAtLeast ? hits | job.manyCallees : hits;
    }

    private void advance(int pane) {
        for (int over = Math.max(newest + 1, pane - PANES + 1); over <= pane; over++) {
            calls[over % PANES] = 0;
            callees[over % PANES] = 0;
        }
        newest = Math.max(newest, pane);
    }

    private void meet(int pane, long callee, Pairs pairs) {
        int last = pairs.last(callee);
        if (last >= pane) {
            return;
        }
        pairs.put(callee, pane);
        callees[pane % PANES]++;
        if (last == Pairs.NEVER) {
            kept++;
        } else if (last > newest - PANES) {
            callees[last % PANES]--;
        }
        if (kept > PAIRS_MIN && kept > 2 * total(callees)) {
            kept -= pairs.forget(newest - PANES);
        }
    }

    private static int total(int[] panes) {
        int total = 0;
        for (int one : panes) {
            total += one;
        }
        return total;
    }
}

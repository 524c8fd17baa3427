package peers;

import java.util.Iterator;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Flink's second operator: the windows of a source in keyed state; gives a message for each event with hits. */
public final class FlinkWindows extends KeyedProcessFunction<Long, Screened, byte[]> {
    private static final long serialVersionUID = 1;
    private transient Job job;
    private transient Span span;
    private transient Span.Tally tally;
    private transient ValueState<Caller> callers;
    private transient Pairs pairs;

    @Override
    public void open(OpenContext context) {
        job = FlinkJob.job;
        span = FlinkJob.span;
        tally = span.tally();
        callers = getRuntimeContext().getState(new ValueStateDescriptor<>("callers", Types.POJO(Caller.class)));
        pairs = new Kept(getRuntimeContext().getMapState(new MapStateDescriptor<>("pairs", Types.LONG, Types.INT)));
    }

    @Override
    public void processElement(Screened screened, Context context, Collector<byte[]> out) throws Exception {
        long hits = screened.call ? screened.hits | call(screened) : screened.hits;
        if (hits != 0) {
            tally.add(hits);
            out.collect(Interception.message(screened.event, hits, job.rules));
        }
        span.done(1);
    }

    private long call(Screened screened) throws Exception {
        Caller caller = callers.value();
        if (caller == null) {
            caller = new Caller();
        }
        long hits = caller.call(screened.pane, screened.target, pairs, job);
        callers.update(caller);
        return hits;
    }

    private record Kept(MapState<Long, Integer> panes) implements Pairs {
        @Override
        public int last(long callee) {
            try {
                Integer pane = panes.get(callee);
                return pane == null ? NEVER : pane;
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void put(long callee, int pane) {
            try {
                panes.put(callee, pane);
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public int forget(int pane) {
            int forgotten = 0;
            try {
                Iterator<Map.Entry<Long, Integer>> all = panes.iterator();
                while (all.hasNext()) {
                    if (all.next().getValue() <= pane) {
                        all.remove();
                        forgotten++;
                    }
                }
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
            return forgotten;
        }
    }
}

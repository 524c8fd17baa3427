package peers;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.util.Collector;

/** Flink's first operator: reads an event and what it hits by itself; passes on calls and hits only. */
public final class FlinkScreening extends RichFlatMapFunction<byte[], Screened> {
    private static final long serialVersionUID = 1;
    private transient Job job;
    private transient Span span;
    private transient EventReader reader;
    private transient Event event;
    private transient Screened screened;

    @Override
    public void open(OpenContext context) {
        job = FlinkJob.job;
        span = FlinkJob.span;
        reader = job.reader();
        event = job.event();
        screened = new Screened();
    }

    @Override
    public void flatMap(byte[] json, Collector<Screened> out) throws Exception {
        span.begin();
        reader.read(json, event);
        screened.hits = job.hits(event);
        screened.call = event.fields[Event.KIND] == Job.CALL;
        if (screened.hits == 0 && !screened.call) {
            span.done(1);
            return;
        }
        screened.source = event.fields[Event.SOURCE];
        screened.target = event.fields[Event.TARGET];
        screened.event = event.fields[Event.ID];
        screened.pane = event.pane();
        out.collect(screened);
    }
}

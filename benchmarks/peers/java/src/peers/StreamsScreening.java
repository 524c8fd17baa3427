package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Kafka Streams' processor: the whole job of a partition, state in two stores: callers, and pairs of caller and
 * callee (16 bytes) with their pane, so that a busy caller isn't written anew with all callees at each call. */
public final class StreamsScreening implements Processor<byte[], byte[], byte[], byte[]>, Pairs {
    static final String CALLERS = "callers", PAIRS = "pairs";
    private final Job job;
    private final Span span;
    private final EventReader reader;
    private final Span.Tally tally;
    private final Event event;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<Long, Caller> callers;
    private KeyValueStore<byte[], Integer> pairs;
    private long source;

    StreamsScreening(Job job, Span span) {
        this.job = job;
        this.span = span;
        reader = job.reader();
        tally = span.tally();
        event = job.event();
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        callers = context.getStateStore(CALLERS);
        pairs = context.getStateStore(PAIRS);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        span.begin();
        try {
            reader.read(record.value(), event);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        long hits = job.hits(event) | windows();
        if (hits != 0) {
            tally.add(hits);
            context.forward(record.withValue(Interception.message(event.fields[Event.ID], hits, job.rules)));
        }
        span.done(1);
    }

    private long windows() {
        if (event.fields[Event.KIND] != Job.CALL) {
            return 0;
        }
        source = event.fields[Event.SOURCE];
        Caller caller = callers.get(source);
        if (caller == null) {
            caller = new Caller();
        }
        long hits = caller.call(event.pane(), event.fields[Event.TARGET], this, job);
        callers.put(source, caller);
        return hits;
    }

    @Override
    public int last(long callee) {
        Integer pane = pairs.get(pair(callee));
        return pane == null ? NEVER : pane;
    }

    @Override
    public void put(long callee, int pane) {
        pairs.put(pair(callee), pane);
    }

    @Override
    public int forget(int pane) {
        byte[] prefix = ByteBuffer.allocate(Long.BYTES).putLong(source).array();
        int forgotten = 0;
        try (var mine = pairs.prefixScan(prefix, new ByteArraySerializer())) {
            while (mine.hasNext()) {
                KeyValue<byte[], Integer> one = mine.next();
                if (one.value <= pane) {
                    pairs.delete(one.key);
                    forgotten++;
                }
            }
        }
        return forgotten;
    }

    private byte[] pair(long callee) {
        return ByteBuffer.allocate(2 * Long.BYTES).putLong(source).putLong(callee).array();
    }
}

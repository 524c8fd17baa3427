package peers;

import it.unimi.dsi.fastutil.longs.Long2IntOpenHashMap;
import it.unimi.dsi.fastutil.longs.Long2ObjectOpenHashMap;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The job by hand: a consumer, a producer and maps in each thread; its state is lost in a crash. */
public final class PlainLoop implements Runnable {
    private static final int PARTITIONS = 2;
    private static final Duration WAIT = Duration.ofMillis(100);

    /** What a caller's map holds. */
    private static final class Known implements Pairs {
        final Caller caller = new Caller();
        final Long2IntOpenHashMap panes = new Long2IntOpenHashMap(2);

        Known() {
            panes.defaultReturnValue(NEVER);
        }

        @Override
        public int last(long callee) {
            return panes.get(callee);
        }

        @Override
        public void put(long callee, int pane) {
            panes.put(callee, pane);
        }

        @Override
        public int forget(int pane) {
            int before = panes.size();
            panes.values().removeIf(last -> last <= pane);
            return before - panes.size();
        }
    }

    private final Settings settings;
    private final Job job;
    private final Span span;
    private final List<TopicPartition> partitions;
    private final Long2ObjectOpenHashMap<Known> callers = new Long2ObjectOpenHashMap<>();

    private PlainLoop(Settings settings, Job job, Span span, List<TopicPartition> partitions) {
        this.settings = settings;
        this.job = job;
        this.span = span;
        this.partitions = partitions;
    }

    public static void main(String[] words) throws Exception {
        Settings settings = Settings.of(words);
        Job job = new Job(settings.job());
        Span span = new Span(settings.events(), job.rules);
        List<Thread> threads = new ArrayList<>();
        for (int thread = 0; thread < settings.threads(); thread++) {
            List<TopicPartition> mine = new ArrayList<>();
            for (int partition = thread; partition < PARTITIONS; partition += settings.threads()) {
                mine.add(new TopicPartition(settings.topic(), partition));
            }
            threads.add(new Thread(new PlainLoop(settings, job, span, mine)));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        span.report();
    }

    @Override
    public void run() {
        Properties in = Settings.consumer();
        in.put("bootstrap.servers", settings.kafka());
        Properties out = Settings.producer();
        out.put("bootstrap.servers", settings.kafka());
        try (var consumer = new KafkaConsumer<>(in, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                var producer = new KafkaProducer<>(out, new ByteArraySerializer(), new ByteArraySerializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            loop(consumer, producer);
        } catch (IOException | RuntimeException error) {
            error.printStackTrace();
            Runtime.getRuntime().halt(1); // the other thread would wait for ever
        }
    }

    private void loop(KafkaConsumer<byte[], byte[]> consumer, KafkaProducer<byte[], byte[]> producer)
            throws IOException {
        EventReader reader = job.reader();
        Span.Tally tally = span.tally();
        Event event = job.event();
        while (!span.isOver()) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(WAIT);
            if (!records.isEmpty()) {
                span.begin();
            }
            for (ConsumerRecord<byte[], byte[]> one : records) {
                reader.read(one.value(), event);
                long hits = job.hits(event) | windows(event);
                if (hits != 0) {
                    tally.add(hits);
                    byte[] message = Interception.message(event.fields[Event.ID], hits, job.rules);
                    producer.send(new ProducerRecord<>(settings.output(), one.key(), message));
                }
            }
            span.done(records.count());
        }
    }

    private long windows(Event event) {
        if (event.fields[Event.KIND] != Job.CALL) {
            return 0;
        }
        Known known = callers.get(event.fields[Event.SOURCE]);
        if (known == null) {
            known = new Known();
            callers.put(event.fields[Event.SOURCE], known);
        }
        return known.caller.call(event.pane(), event.fields[Event.TARGET], known, job);
    }
}

package peers;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The job on Kafka Streams. The topic is keyed by source, so nothing is repartitioned; stores are in memory, with
 * changelog topics behind a cache where state is to survive. */
public final class KafkaStreamsJob {
    private static final long CACHE_BYTES = 512L << 20;
    private static final String COMMIT_MS = "10000"; // as Flink's checkpoints

    private KafkaStreamsJob() {}

    public static void main(String[] words) throws Exception {
        Settings settings = Settings.of(words);
        Job job = new Job(settings.job());
        Span span = new Span(settings.events(), job.rules);
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(store(StreamsScreening.CALLERS, Serdes.Long(), new CallerSerde(), settings.recovery()));
        builder.addStateStore(
                store(StreamsScreening.PAIRS, Serdes.ByteArray(), Serdes.Integer(), settings.recovery()));
        Serde<byte[]> bytes = Serdes.ByteArray();
        builder.stream(settings.topic(), Consumed.with(bytes, bytes))
                .process(() -> new StreamsScreening(job, span), StreamsScreening.CALLERS, StreamsScreening.PAIRS)
                .to(settings.output(), Produced.with(bytes, bytes));
        KafkaStreams streams = new KafkaStreams(builder.build(), properties(settings));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        streams.start();
        span.await();
        span.report();
        streams.close(Duration.ofSeconds(20));
    }

    private static <K, V> StoreBuilder<?> store(String name, Serde<K> key, Serde<V> value, boolean recovery) {
        var builder = Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(name), key, value);
        return recovery
                ? builder.withLoggingEnabled(Map.of()).withCachingEnabled()
                : builder.withLoggingDisabled().withCachingDisabled();
    }

    private static Properties properties(Settings settings) {
        Properties found = new Properties();
        Settings.consumer().forEach((name, value) -> found.put(StreamsConfig.consumerPrefix((String) name), value));
        Settings.producer().forEach((name, value) -> found.put(StreamsConfig.producerPrefix((String) name), value));
        found.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.name());
        found.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.kafka());
        found.put(StreamsConfig.STATE_DIR_CONFIG, settings.folder().toString());
        found.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.threads());
        found.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_MS);
        found.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
        found.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        return found;
    }
}

package peers;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The job on Flink, on a cluster within this process: state on the heap, objects used again, no watermarks, as the job
 * takes its panes from the events. One task does all where there is one; two exchange records by key. */
public final class FlinkJob {
    private static final long CHECKPOINT_MS = 10_000;
    /** For messages that go out. A class, as Flink wants to see the type. */
    private static final class AsTheyAre implements SerializationSchema<byte[]> {
        private static final long serialVersionUID = 1;

        @Override
        public byte[] serialize(byte[] message) {
            return message;
        }
    }

    static Job job; // all operators are in this process
    static Span span;

    private FlinkJob() {}

    public static void main(String[] words) throws Exception {
        Settings settings = Settings.of(words);
        job = new Job(settings.job());
        span = new Span(settings.events(), job.rules);
        var environment = StreamExecutionEnvironment.createLocalEnvironment(settings.threads(), configuration(settings));
        environment.getConfig().enableObjectReuse();
        if (settings.recovery()) {
            environment.enableCheckpointing(CHECKPOINT_MS);
        }
        DataStream<Screened> screened = environment
                .fromSource(source(settings), WatermarkStrategy.noWatermarks(), "events")
                .flatMap(new FlinkScreening())
                .returns(Types.POJO(Screened.class));
        keyed(screened, settings.threads()).process(new FlinkWindows()).sinkTo(sink(settings));
        environment.execute(settings.name());
        span.report();
    }

    private static KeyedStream<Screened, Long> keyed(DataStream<Screened> stream, int threads) {
        return threads == 1
                ? DataStreamUtils.reinterpretAsKeyedStream(stream, one -> one.source, Types.LONG)
                : stream.keyBy(one -> one.source, Types.LONG);
    }

    private static Configuration configuration(Settings settings) {
        Configuration found = new Configuration();
        found.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        found.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        found.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1)); // only RocksDB and batches use it
        found.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        found.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, settings.folder().toUri().toString());
        return found;
    }

    private static KafkaSource<byte[]> source(Settings settings) {
        return KafkaSource.<byte[]>builder()
                .setBootstrapServers(settings.kafka())
                .setTopics(settings.topic())
                .setGroupId(settings.name())
                .setProperties(Settings.consumer())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.latest())
                .setValueOnlyDeserializer(new RawBytes())
                .build();
    }

    private static KafkaSink<byte[]> sink(Settings settings) {
        return KafkaSink.<byte[]>builder()
                .setBootstrapServers(settings.kafka())
                .setKafkaProducerConfig(Settings.producer())
                .setDeliveryGuarantee(settings.recovery() ? DeliveryGuarantee.AT_LEAST_ONCE : DeliveryGuarantee.NONE)
                .setRecordSerializer(KafkaRecordSerializationSchema.<byte[]>builder()
                        .setTopic(settings.output())
                        .setValueSerializationSchema(new AsTheyAre())
                        .build())
                .build();
    }
}

package peers;

import java.nio.file.Path;
import java.util.Properties;

/** What a peer is told on its command line. `recovery`: state is made safe against a crash, as in production. */
public record Settings(
        String kafka, String topic, String output, String name, Path job, Path folder, long events, int threads,
        boolean recovery) {

    public static Settings of(String[] words) {
        return new Settings(
                words[0], words[1], words[2], words[3], Path.of(words[4]), Path.of(words[5]),
                Long.parseLong(words[6]), Integer.parseInt(words[7]), Boolean.parseBoolean(words[8]));
    }

    /** Large fetches: what Kafka's own guide says for throughput. */
    public static Properties consumer() {
        Properties found = new Properties();
        found.put("fetch.min.bytes", "262144");
        found.put("fetch.max.wait.ms", "50");
        found.put("max.partition.fetch.bytes", "4194304");
        found.put("max.poll.records", "5000");
        found.put("receive.buffer.bytes", "1048576");
        found.put("auto.offset.reset", "earliest");
        return found;
    }

    /** Large batches, lightly compressed. */
    public static Properties producer() {
        Properties found = new Properties();
        found.put("linger.ms", "50");
        found.put("batch.size", "262144");
        found.put("compression.type", "lz4");
        return found;
    }
}

package peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import it.unimi.dsi.fastutil.longs.LongOpenHashSet;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The screening job but for its windows, as a JSON file tells it. A rule is a bit: `rules` has their names in order. */
public final class Job {
    private static final String[] ALWAYS = {"kind", "event_id", "ts_ms", "source", "target"}; // as Event's places
    public static final long CALL = code("call");
    private static final int LISTED = 0;

    public final List<String> rules = new ArrayList<>(List.of("listed"));
    public final long manyCalls;
    public final long manyCallees;
    public final int callsAtLeast;
    public final int calleesAtLeast;
    private final Map<String, Integer> places = new LinkedHashMap<>();
    private final Map<Long, List<Integer>> ofKind = new HashMap<>();
    private final Map<Long, int[]> rulesOfKind = new HashMap<>();
    private final List<Condition> conditions = new ArrayList<>();
    private final LongOpenHashSet listed = new LongOpenHashSet();
    private final Keywords keywords;
    private final long keyword;
    private final JsonNode absent;

    public Job(Path file) throws IOException {
        JsonNode told = new ObjectMapper().readTree(file.toFile());
        absent = told.get("absent");
        for (String name : ALWAYS) {
            place(name);
        }
        told.get("conditions").forEach(this::add);
        keyword = named("keyword");
        manyCalls = named("many_calls");
        manyCallees = named("many_callees");
        callsAtLeast = told.get("many_calls").asInt();
        calleesAtLeast = told.get("many_callees").asInt();
        List<String> literals = new ArrayList<>();
        told.get("keywords").forEach(literal -> literals.add(literal.asText()));
        keywords = new Keywords(literals);
        read(Path.of(told.get("blocklist").asText()));
        ofKind.forEach((kind, rows) -> rulesOfKind.put(kind, rows.stream().mapToInt(Integer::intValue).toArray()));
    }

    public EventReader reader() {
        long[] defaults = new long[places.size()];
        places.forEach((name, at) -> defaults[at] = absent.has(name) ? value(absent.get(name)) : 0);
        return new EventReader(places, defaults, keywords);
    }

    public Event event() {
        return new Event(places.size());
    }

    /** The rules that this event hits by itself. */
    public long hits(Event event) {
        long hits = listed.contains(event.fields[Event.SOURCE]) ? 1L << LISTED : 0;
        int[] rows = rulesOfKind.get(event.fields[Event.KIND]);
        if (rows != null) {
            for (int row : rows) {
                if (conditions.get(row).holds(event.fields)) {
                    hits |= 1L << (row + 1);
                }
            }
        }
        return event.keyword ? hits | keyword : hits;
    }

    /** A number for a word, as 64 bits of it: words of a vocabulary don't collide in practice. */
    public static long code(String word) {
        return code(word.toCharArray(), 0, word.length());
    }

    static long code(char[] letters, int start, int length) {
        long code = 0xCBF29CE484222325L;
        for (int at = start; at < start + length; at++) {
            code = (code ^ letters[at]) * 0x100000001B3L;
        }
        return code;
    }

    private void add(JsonNode told) {
        JsonNode tests = told.get("tests");
        int[] fields = new int[tests.size()];
        String[] operators = new String[tests.size()];
        long[] values = new long[tests.size()];
        for (int at = 0; at < tests.size(); at++) {
            fields[at] = place(tests.get(at).get("field").asText());
            operators[at] = tests.get(at).get("operator").asText();
            values[at] = value(tests.get(at).get("value"));
        }
        int row = conditions.size();
        told.get("kinds").forEach(kind -> ofKind.computeIfAbsent(value(kind), any -> new ArrayList<>()).add(row));
        conditions.add(new Condition(fields, operators, values));
        named(told.get("name").asText());
    }

    private long named(String rule) {
        rules.add(rule);
        return 1L << (rules.size() - 1);
    }

    private int place(String field) {
        return places.computeIfAbsent(field, any -> places.size());
    }

    private static long value(JsonNode told) {
        return told.isTextual() ? code(told.asText()) : told.isBoolean() ? (told.asBoolean() ? 1 : 0) : told.asLong();
    }

    private void read(Path blocklist) throws IOException {
        try (BufferedReader lines = Files.newBufferedReader(blocklist)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                listed.add(Long.parseUnsignedLong(line.strip()));
            }
        }
    }
}

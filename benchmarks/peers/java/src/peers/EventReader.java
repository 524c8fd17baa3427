package peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Map;

/** Reads the needed fields of a JSON event with Jackson's streaming parser. Not for two threads at once. */
public final class EventReader {
    private static final int TEXT = -1;
    private final JsonFactory factory = new JsonFactory();
    private final Map<String, Integer> places;
    private final long[] defaults;
    private final Keywords keywords;

    EventReader(Map<String, Integer> places, long[] defaults, Keywords keywords) {
        this.places = new java.util.HashMap<>(places);
        this.places.put("text", TEXT);
        this.defaults = defaults;
        this.keywords = keywords;
    }

    /** Into `event`, whatever it held. */
    public void read(byte[] json, Event event) throws IOException {
        System.arraycopy(defaults, 0, event.fields, 0, defaults.length);
        event.keyword = false;
        try (JsonParser parser = factory.createParser(json, 0, json.length)) {
            parser.nextToken();
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                JsonToken token = parser.nextToken();
                Integer place = places.get(name);
                if (place == null) {
                    parser.skipChildren();
                } else if (place == TEXT) {
                    char[] text = parser.getTextCharacters();
                    event.keyword = keywords.in(text, parser.getTextOffset(), parser.getTextLength());
                } else {
                    event.fields[place] = value(parser, token);
                }
            }
        }
    }

    private static long value(JsonParser parser, JsonToken token) throws IOException {
        return switch (token) {
            case VALUE_TRUE -> 1;
            case VALUE_FALSE -> 0;
            case VALUE_STRING -> Job.code(parser.getTextCharacters(), parser.getTextOffset(), parser.getTextLength());
            default -> parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                    ? parser.getBigIntegerValue().longValue() // keys of 64 bits without a sign
                    : parser.getLongValue();
        };
    }
}

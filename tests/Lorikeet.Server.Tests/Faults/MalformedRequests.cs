using System.Globalization;
using System.Text;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>A seeded source of requests that are wrong in every way there is: broken JSON, wrong types for every known field, huge numbers, nesting, bad UTF-8, bad multipart, bytes that are no HTTP.</summary>
/// <param name="seed">The seed.</param>
/// <param name="config">An adapter's adapter_config.json.</param>
/// <param name="weights">Its adapter_model.safetensors.</param>
/// <param name="vectors">A prompt of vectors, as a safetensors file.</param>
internal sealed class MalformedRequests(ulong seed, byte[] config, byte[] weights, byte[] vectors)
{
    private static readonly string[] Generation = [.. GenerationFields.Names.Order(StringComparer.Ordinal)];

    private static readonly (string Path, string Body, string[] Fields)[] Routes =
    [
        ("/v1/completions", """{"prompt":"x","max_tokens":2""", [.. Generation, "prompt", "best_of", "suffix", "prompt_embeds"]),
        ("/v1/completions", """{"prompt_embeds":"VECTORS","max_tokens":2""", [.. Generation, "prompt", "best_of", "suffix"]),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"x"}],"max_tokens":2""", [.. ChatEndpoint.Names.Order(StringComparer.Ordinal)]),
        ("/v1/embeddings", """{"input":"x" """, [.. EmbeddingEndpoint.Names.Order(StringComparer.Ordinal)]),
        ("/tokenize", """{"prompt":"x" """, [.. TokenizeEndpoint.Names.Order(StringComparer.Ordinal)]),
        ("/v1/detokenize", """{"tokens":[1]""", [.. TokenizeEndpoint.DetokenizeNames.Order(StringComparer.Ordinal)]),
        ("/v1/chat/completions/render", """{"messages":[{"role":"user","content":"x"}]""", [.. ChatEndpoint.Names.Order(StringComparer.Ordinal)]),
        ("/lorikeet/v1/keys", """{"label":"x" """, ["tenant", "label", "scopes", "adapters", "expires", "limits"]),
        ("/lorikeet/v1/adapters/kept/alias", """{"alias":"kept-too" """, ["alias", "remove"]),
        ("/lorikeet/v1/adapters/kept/rollback", "{\"x\":1", ["to"]),
        ("/v1/load_lora_adapter", """{"lora_name":"x","lora_path":"/no/such" """, ["lora_name", "lora_path", "load_inplace", "is_3d_lora_weight", "base_model_name", "expected_version", "pinned", "tenant", "scale"]),
        ("/v1/unload_lora_adapter", """{"lora_name":"no-such" """, ["lora_name", "lora_int_id", "tenant"]),
    ];

    private static readonly string[] Wrong =
    [
        "null", "true", "0", "-1", "1", "2.5", "1e999", "-1e999", "1e308", "9223372036854775808", "-9223372036854775809", "340282366920938463463374607431768211456", "0.1e-400",
        "\"\"", "\"x\"", "\"1\"", "\"true\"", "\"\\u0000\"", "\"\\ud83d\\ude00\"", "\"../../etc/passwd\"", "[]", "[[]]", "[null]", "[1,2]", "[\"\"]", "[{}]", "{}", "{\"a\":1}", "{\"\":null}",
        "{\"type\":\"json_schema\"}", "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"$ref\":\"#\"}}}", "{\"type\":\"function\",\"function\":{\"name\":\"\"}}",
        "{\"json\":{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"minItems\":1}}", "{\"regex\":\"((((((((a*)*)*)*)*)*)*)*b\"}", "{\"regex\":\"(a{1000}){1000}\"}", "{\"grammar\":\"root ::= root\"}", "{\"grammar\":\"root ::= x\"}",
        "{\"choice\":[\"a\",\"\"]}", "[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "[{\"role\":\"tool\",\"content\":\"x\"}]", "[{\"role\":\"assistant\",\"tool_calls\":[{}]}]",
        "[{\"id\":-1}]", "[{\"id\":1e30}]", "[{\"name\":\"kept\",\"weight\":1e308}]", "[{\"name\":\"kept\"}]", "{\"ids\":[\"kept\"],\"weights\":[]}", "{\"ids\":[\"kept\",\"kept\"]}", "{\"1\":101,\"-1\":0,\"99999999999\":1}",
    ];

    private static readonly string[] Heads =
    [
        "GET / HTTP/1.1\r\n\r\n", "GET /health HTTP/9.9\r\nHost: x\r\n\r\n", "GET /health HTTP/1.1\r\nHost x\r\n\r\n", "GET  /health  HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n\r\n", "\0\0\0\0\0\0\0\0",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}", "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"prompt\":", "PUT /lorikeet/v1/adapters/x HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 90\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"adapter_config.json\"\r\n\r\n{",
        "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/models/%c0%ae%c0%ae HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "GET /health HTTP/1.1\r\nHost: x\r\nA: b\r\n c: folded\r\n\r\n", "GET /health HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n", "GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; charset=utf-16\r\nContent-Length: 2\r\n\r\n{}", "HELO x\r\n", "GET /health",
    ];

    private readonly CounterRandomOf random = new(seed);
    private int field;

    /// <summary>The next request; the fields of all routes come in turn, each with wrong values drawn for it.</summary>
    public MalformedRequest Next() => random.Next(20) switch
    {
        0 => RawBytes(),
        1 or 2 or 3 => Cut(),
        4 or 5 => BadText(),
        6 => Deep(),
        7 or 8 => Numbers(),
        9 or 10 => Multipart(),
        11 => Odd(),
        12 => Several(),
        13 => Vectors(),
        _ => WrongField(),
    };

    private MalformedRequest WrongField()
    {
        int at = field++ % Routes.Sum(r => r.Fields.Length), route = 0;
        while (at >= Routes[route].Fields.Length)
        {
            at -= Routes[route++].Fields.Length;
        }
        return Json("wrong value", Routes[route].Path, $"{Routes[route].Body},\"{Routes[route].Fields[at]}\":{random.Pick(Wrong)}}}");
    }

    private MalformedRequest Several()
    {
        (string path, string body, string[] fields) = random.Pick(Routes);
        HashSet<string> chosen = [.. Enumerable.Range(0, 2 + random.Next(5)).Select(_ => random.Pick(fields))];
        return Json("wrong values", path, body + string.Concat(chosen.Select(f => $",\"{f}\":{random.Pick(Wrong)}")) + "}");
    }

    private MalformedRequest Cut()
    {
        (string path, string body, _) = random.Pick(Routes);
        string text = body + "}";
        int at = random.Next(text.Length);
        text = random.Next(10) switch
        {
            0 => text[..at],
            1 => text + text,
            2 => text.Insert(at, random.Pick(["\"", "{", "}", "[", "]", ",", ":", "/*", "//", "\\", "'", "NaN", "\n\u0001"])),
            3 => text.Remove(at, 1),
            4 => text.Replace('"', '\''),
            5 => text[..^1] + ",}",
            6 => text[..^1] + ",\"model\":\"tiny\",\"model\":\"tiny\"}",
            7 => random.Pick(["", " ", "null", "1", "\"x\"", "[]", "[{}]", "{", "nul", "{\"a\"}", "{\"a\":}", "{1:2}", "\u00ef\u00bb\u00bf"]),
            8 => text[..^1] + ",\"x\":\"" + new string('\\', 1 + random.Next(9)) + "\"}",
            _ => text[..^1] + ",\"x\":\"\\u" + random.Pick(["d800", "12", "zzzz", "dfff\\ud800", "0000\\u"]) + "\"}",
        };
        return Json("broken JSON", path, text);
    }

    private MalformedRequest BadText()
    {
        (string path, string body, _) = random.Pick(Routes);
        byte[] bytes = Encoding.UTF8.GetBytes(body + ",\"model\":\"ab\"}");
        for (int i = random.Next(4); i >= 0; i--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Pick([0x80, 0xC0, 0xC1, 0xED, 0xF5, 0xFF, 0xFE, 0x00, 0xE2]);
        }
        return random.Next(4) == 0
            ? new MalformedRequest("other encoding", "POST", path, "application/json; charset=utf-16", Encoding.Unicode.GetBytes(body + "}"))
            : new MalformedRequest("bad UTF-8", "POST", path, "application/json", bytes);
    }

    private MalformedRequest Deep()
    {
        (string path, string body, string[] fields) = random.Pick(Routes);
        int depth = random.Pick([40, 63, 64, 65, 129, 1000, 20_000]);
        (string open, string close) = random.Next(2) == 0 ? ("[", "]") : ("{\"a\":", "}");
        string nest = string.Concat(Enumerable.Repeat(open, depth)) + (random.Next(2) == 0 ? "1" : open == "[" ? "" : "1") + (random.Next(3) == 0 ? "" : string.Concat(Enumerable.Repeat(close, depth)));
        return Json("nesting", path, random.Next(2) == 0 ? nest : $"{body},\"{random.Pick(fields)}\":{nest}}}");
    }

    private MalformedRequest Numbers()
    {
        (string path, string body, string[] fields) = random.Pick(Routes);
        string number = random.Next(6) switch
        {
            0 => "1" + new string('0', 1 + random.Next(400)),
            1 => "-" + new string('9', 1 + random.Next(40)),
            2 => $"1e{random.Next(100_000).ToString(CultureInfo.InvariantCulture)}",
            3 => "0." + new string('0', random.Next(400)) + "1",
            4 => random.Pick(["2147483648", "4294967296", "9223372036854775807", "18446744073709551615", "-2147483649"]),
            _ => random.Pick(["01", "+1", ".5", "1.", "0x10", "1e", "-", "Infinity", "--1", "1_000"]),
        };
        return Json("huge numbers", path, random.Next(3) == 0 ? $"{body},\"{random.Pick(fields)}\":[{number},{number}]}}" : $"{body},\"{random.Pick(fields)}\":{number}}}");
    }

    private MalformedRequest Odd()
    {
        string path = random.Pick(["/v1/models/", "/lorikeet/v1/adapters/", "/lorikeet/v1/keys/", "/", "/v1/"]) + random.Pick(
            ["%2e%2e%2fetc%2fpasswd", "a,b", "%00", "%0d%0aX:1", "%F0%9F%98%80", new string('a', 300), "a@", "@1", "kept@99999999999999", "kept@abcdefabcdef", "?limit=-1", "?after=%00&limit=99999999999", "kept?version=x", "kept?tenant=..%2f", "kept/versions?limit=0", "%25%32%66", "//", "."]);
        string method = random.Pick(["GET", "DELETE", "POST", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO"]);
        // The kept adapter stays.
        return method == "DELETE" && path.Contains("/kept", StringComparison.Ordinal)
            ? new MalformedRequest("odd path", "GET", path, null, null)
            : new MalformedRequest("odd path", method, path, random.Pick(["application/json", "text/plain", "multipart/form-data", "application/json/", ";", "application/x-www-form-urlencoded"]), method is "GET" or "HEAD" or "TRACE" ? null : "{}"u8.ToArray());
    }

    private MalformedRequest Multipart()
    {
        const string Mark = "bound";
        using MemoryStream body = new();
        string first = "adapter_config.json", second = "adapter_model.safetensors";
        byte[] one = config, two = weights;
        string type = $"multipart/form-data; boundary={Mark}", end = $"\r\n--{Mark}--\r\n";
        int change = random.Next(16);
        switch (change)
        {
            case 0: (first, second) = (second, first); break;
            case 1: second = random.Pick(["../x", "adapter_model.bin", "x.zip", "/etc/passwd", "adapter_config.json", "C:\\x", "", "a\u0000b"]); break;
            case 2: two = two[..random.Next(two.Length)]; break;
            case 3: two = [.. two, .. new byte[1 + random.Next(9)]]; break;
            case 4: two = Changed(two, random.Next(8), 0xFF); break;
            case 5: two = Changed(two, 8 + random.Next(200), (byte)random.Next(256)); break;
            case 6: two = [0x80, 2, .. two]; break;
            case 7: one = Encoding.UTF8.GetBytes($"{{\"peft_type\":\"LORA\",\"r\":{random.Pick(Wrong)},\"target_modules\":{random.Pick(Wrong)}}}"); break;
            case 8: one = one[..random.Next(one.Length)]; break;
            case 9: end = ""; break;
            case 10: type = random.Pick(["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other", "multipart/mixed; boundary=bound", "multipart/form-data; boundary=\"" + new string('x', 300) + "\""]); break;
            case 11: two = Nan(two); break;
            case 12: first = new string('x', 5000); break;
            case 13: one = []; break;
            case 14: two = []; break;
            default: end = $"\r\n--{Mark}\r\nnonsense\r\n\r\n"; break;
        }
        Part(first, one);
        Part(second, two);
        body.Write(Encoding.UTF8.GetBytes(end));
        byte[] bytes = body.ToArray();
        return new MalformedRequest($"multipart {change}", "PUT", $"/lorikeet/v1/adapters/u{random.Next(3)}", type, random.Next(8) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);

        void Part(string name, byte[] content)
        {
            body.Write(Encoding.UTF8.GetBytes($"\r\n--{Mark}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n"));
            body.Write(content);
        }
    }

    private MalformedRequest Vectors()
    {
        byte[] file = [.. vectors];
        for (int changes = random.Next(4); changes > 0; changes--)
        {
            switch (random.Next(7))
            {
                case 0: file = file[..random.Next(file.Length + 1)]; break;
                case 1: file = [.. file, .. new byte[1 + random.Next(9)]]; break;
                case 2: file = [.. random.Pick(["PK\u0003\u0004", "\u0080\u0002", "GGUF", "version "]).Select(c => (byte)c), .. file]; break;
                case 3 when file.Length > 0: file = Changed(file, random.Next(Math.Min(8, file.Length)), 0xFF); break;
                case 4 when file.Length > 9: file = Changed(file, 8 + random.Next(file.Length - 8), (byte)random.Next(256)); break;
                case 5 when file.Length > 4: file = Nan(file); break;
                default: break;
            }
        }
        string text = Convert.ToBase64String(file);
        text = random.Next(5) switch
        {
            0 when text.Length > 0 => text.Remove(random.Next(text.Length), 1),
            1 => text.Insert(random.Next(text.Length + 1), random.Pick(["-", "_", "=", " ", "\u00e9", ".", "%2B"])),
            _ => text,
        };
        string more = random.Pick(["", "", "", ",\"prompt\":\"x\"", ",\"echo\":true", ",\"prompt_logprobs\":2", ",\"truncate_prompt_tokens\":1", ",\"n\":2", ",\"stream\":true"]);
        return Json("vectors", random.Next(8) == 0 ? "/v1/completions/render" : "/v1/completions", $"{{\"max_tokens\":2,\"prompt_embeds\":{(random.Next(4) == 0 ? $"[\"{text}\",{random.Pick(Wrong)}]" : $"\"{text}\"")}{more}}}");
    }

    private MalformedRequest RawBytes()
    {
        if (random.Next(3) > 0)
        {
            return new MalformedRequest("no HTTP", MalformedRequest.Raw, "", null, Encoding.Latin1.GetBytes(random.Pick(Heads)));
        }
        byte[] bytes = [.. Enumerable.Range(0, 1 + random.Next(300)).Select(_ => (byte)random.Next(256))];
        byte[] head = random.Next(2) == 0 ? Encoding.ASCII.GetBytes("POST /v1/completions HTTP/1.1\r\nHost: x\r\n") : [];
        return new MalformedRequest("random bytes", MalformedRequest.Raw, "", null, [.. head, .. bytes]);
    }

    private MalformedRequest Json(string kind, string path, string body) =>
        new(kind, "POST", path, "application/json", Encoding.UTF8.GetBytes(body.Replace("VECTORS", Convert.ToBase64String(vectors), StringComparison.Ordinal)));

    private static byte[] Changed(byte[] bytes, int at, byte value)
    {
        byte[] changed = [.. bytes];
        changed[Math.Min(at, changed.Length - 1)] ^= value == 0 ? (byte)1 : value;
        return changed;
    }

    private static byte[] Nan(byte[] bytes)
    {
        byte[] changed = [.. bytes];
        BitConverter.TryWriteBytes(changed.AsSpan(changed.Length - 4), float.NaN);
        return changed;
    }
}

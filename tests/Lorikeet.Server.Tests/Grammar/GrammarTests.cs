using System.Text;
using System.Text.Json;

namespace Lorikeet.Server.Tests.Grammar;

/// <summary>Automata accept exactly the texts that their constraints describe.</summary>
public sealed class GrammarTests
{
    private static readonly ServerLimits Limits = new() { CompileTime = TimeSpan.FromSeconds(30) };

    [Theory]
    [InlineData("abc", "abc", "ab|abcd|")]
    [InlineData("a*b+c?", "b|aab|abbc", "a|c|ca")]
    [InlineData("[a-c]{2,3}", "ab|abc", "a|abcd|ad")]
    [InlineData("(x|yz){2}", "xx|xyz|yzyz", "x|xxx")]
    [InlineData("[^0-9]", "a|é|€|😀", "5|ab|")]
    [InlineData("\\d{3}-\\w+", "123-a_b", "12-a|123-")]
    [InlineData("(a*)*b", "b|aaab", "a|ba")]
    [InlineData("[à-ü]+", "é|ôù", "e|ÿ")]
    [InlineData(".*x", "x|äx|xx", "\n|xy")]
    [InlineData("\\u00e9|\\x41|[\\]\\-]", "é|A|]|-", "B|\\")]
    public void Regular_expressions(string pattern, string good, string bad) => Check(builder => RegexGrammar.Compile(builder, pattern), good.Split('|'), bad.Split('|'));

    [Theory]
    [InlineData("(?=a)")]
    [InlineData("(?<!a)b")]
    [InlineData("a++")]
    [InlineData("(a")]
    [InlineData("a)")]
    [InlineData("[a")]
    [InlineData("*a")]
    [InlineData("\\1")]
    [InlineData("a{3,2}")]
    [InlineData("[z-a]")]
    [InlineData("a\\")]
    [InlineData("x^y")]
    public void Regular_expressions_that_are_refused(string pattern) => Assert.Throws<GrammarException>(() => Compile(builder => RegexGrammar.Compile(builder, pattern)));

    [Theory]
    [InlineData("""{"type":"boolean"}""", "true|false", "null|True|1")]
    [InlineData("""{"type":"integer","minimum":-12,"maximum":105}""", "-12|-1|0|9|10|99|100|105", "-13|106|00|1.0|-0")]
    [InlineData("""{"type":"integer","exclusiveMinimum":7}""", "8|10|7000", "7|-8|0")]
    [InlineData("""{"type":"integer","maximum":-5}""", "-5|-10|-999", "-4|0|5")]
    [InlineData("""{"type":"number"}""", "0|-1.5|2e10|3.25E-1", "01|.5|+1|1.")]
    [InlineData("""{"enum":["a",1,null,{"b":[2]}]}""", "\"a\"|1|null|{\"b\":[2]}", "\"b\"|2")]
    [InlineData("""{"const":"x\"y"}""", "\"x\\\"y\"", "\"x\"")]
    [InlineData("""{"type":["string","null"],"maxLength":2}""", "null|\"\"|\"ab\"|\"\\n\\u00e9\"|\"é😀\"", "\"abc\"|ab")]
    [InlineData("""{"type":"string","pattern":"^[a-c]+$"}""", "\"abc\"", "\"\"|\"abd\"")]
    [InlineData("""{"type":"string","pattern":"b"}""", "\"b\"|\"abc\"|\"\\nb\"", "\"ac\"")]
    [InlineData("""{"type":"string","format":"date"}""", "\"2026-11-26\"", "\"2026-13-26\"|\"26-11-2026\"")]
    [InlineData("""{"type":"string","format":"uuid"}""", "\"00000000-0000-0000-0000-000000000000\"", "\"0\"")]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}""", "[1]|[1, 2]|[1,2,3]", "[]|[1,2,3,4]|[true]")]
    [InlineData("""{"type":"array","items":{"type":"null"}}""", "[]|[null]|[null, null, null]", "[1]|[null,]")]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"},{"type":"boolean"}],"items":false,"minItems":1}""", "[1]|[1, true]", "[]|[true]|[1,true,2]")]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"null"},"maxItems":2}""", "[]|[1]|[1,null]", "[null]|[1,null,null]")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"}},"required":["a"],"additionalProperties":false}""", "{\"a\": 1}|{\"a\":1, \"b\":true}|{ \"a\" : 1 }", "{}|{\"b\":true}|{\"a\":1,\"c\":2}|{\"a\":1,}")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"null"}}""", "{}|{\"a\":1}|{\"x\":null}|{\"a\":1,\"ab\":null}|{\"\":null}", "{\"a\":null}|{\"x\":1}")]
    [InlineData("""{"type":"object"}""", "{}|{\"x\":[1,{\"y\":null}]}", "[]|{x:1}")]
    [InlineData("""{"anyOf":[{"type":"integer"},{"type":"null"}]}""", "1|null", "true")]
    [InlineData("""{"allOf":[{"type":"null"}]}""", "null", "1")]
    [InlineData("""{"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"n":{"anyOf":[{"$ref":"#/$defs/t"},{"type":"null"}]}},"required":["n"],"additionalProperties":false}}}""", "{\"n\":null}|{\"n\":{\"n\":{\"n\":null}}}", "{\"n\":1}|{\"n\":{\"n\":null}")]
    [InlineData("""{}""", "1|\"a\"|[{}]", "a|")]
    public void Schemas(string schema, string good, string bad) =>
        Check(builder => SchemaGrammar.Compile(builder, new JsonGrammar(builder), JsonDocument.Parse(schema).RootElement), good.Split('|'), bad.Split('|'));

    [Theory]
    [InlineData("""{"type":"string","contentEncoding":"base64"}""", "/contentEncoding")]
    [InlineData("""{"type":"object","properties":{"a":{"not":{}}}}""", "/properties/a")]
    [InlineData("""{"type":"object","properties":{"a/b":{"type":"array","uniqueItems":true}}}""", "/properties/a~1b/uniqueItems")]
    [InlineData("""{"$ref":"https://example.com/s.json"}""", "/$ref")]
    [InlineData("""{"$ref":"#/$defs/missing"}""", "/$ref")]
    [InlineData("""{"type":"number","minimum":0}""", "")]
    [InlineData("""{"allOf":[{"type":"null"},{"type":"null"}]}""", "/allOf")]
    [InlineData("""{"type":"string","format":"email"}""", "/format")]
    [InlineData("""{"type":"what"}""", "/type")]
    [InlineData("""{"type":"object","patternProperties":{}}""", "/patternProperties")]
    public void Schemas_that_are_refused_say_where(string schema, string pointer)
    {
        GrammarException e = Assert.Throws<GrammarException>(() => Compile(builder => SchemaGrammar.Compile(builder, new JsonGrammar(builder), JsonDocument.Parse(schema).RootElement)));
        Assert.Equal(pointer, e.Pointer);
    }

    [Theory]
    [InlineData("root ::= \"yes\" | \"no\" digit+\ndigit ::= [0-9]", "yes|no1|no42", "no|yes1")]
    [InlineData("# a comment\nroot ::= (\"a\" \"b\"?){2}\n  | \"é\"", "aa|abab|aab|é", "a|aaa")]
    [InlineData("root ::= \"(\" root \")\" | \"\"", "|()|((()))", "(|)(")]
    public void Grammars(string grammar, string good, string bad) => Check(builder => BnfGrammar.Compile(builder, grammar), good.Split('|'), bad.Split('|'));

    [Theory]
    [InlineData("root ::= root \"a\"")]
    [InlineData("root ::= a \"x\"\na ::= b\nb ::= root \"y\" | \"z\"")]
    [InlineData("other ::= \"a\"")]
    [InlineData("root ::= missing")]
    [InlineData("root ::= \"a")]
    [InlineData("root = \"a\"")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"")]
    public void Grammars_that_are_refused(string grammar) => Assert.Throws<GrammarException>(() => Compile(builder => BnfGrammar.Compile(builder, grammar)));

    /// <summary>Whatever fits a schema of random make-up is accepted, and what is cut or changed is not JSON or not accepted.</summary>
    [Fact]
    public void Random_integers_within_bounds_are_accepted_and_others_not()
    {
        Tensors.CounterRandom random = new CounterRandomOf(5).Random;
        for (ulong i = 0; i < 60; i++)
        {
            long a = random.Integer(3 * i, 4000) - 2000, b = a + random.Integer((3 * i) + 1, 3000);
            Automaton automaton = Compile(builder => SchemaGrammar.Compile(
                builder, new JsonGrammar(builder), JsonDocument.Parse($$"""{"type":"integer","minimum":{{a}},"maximum":{{b}}}""").RootElement));
            for (long value = a - 3; value <= b + 3; value += Math.Max(1, (b - a) / 40))
            {
                Assert.True(Accepts(automaton, value.ToString(System.Globalization.CultureInfo.InvariantCulture)) == (value >= a && value <= b), $"{value} in {a}..{b}");
            }
        }
    }

    [Fact]
    public void Bombs_end_early()
    {
        ServerLimits limits = new();
        // 10^15 letters in a few thousand rules; a text meets as many states as it has letters.
        Automaton nested = Compile(builder => RegexGrammar.Compile(builder, "((((a{1000}){1000}){1000}){1000}){1000}"), limits);
        Assert.True(nested.GoesOn(nested.Step(nested.Start, Encoding.UTF8.GetBytes(new string('a', 3000)))));
        Assert.Throws<GrammarException>(() => nested.Step(nested.Start, Encoding.UTF8.GetBytes(new string('a', 100_000))));
        Assert.Throws<GrammarException>(() => Compile(builder => RegexGrammar.Compile(builder, "a{1001}"), limits));
        string deep = string.Concat(Enumerable.Repeat("{\"type\":\"array\",\"items\":", 40)) + "{}" + new string('}', 40);
        Assert.Throws<GrammarException>(() => Compile(builder => SchemaGrammar.Compile(builder, new JsonGrammar(builder), JsonDocument.Parse(deep).RootElement), limits));
        // Exponentially many subsets if all were made: only those that a text meets are.
        Automaton automaton = Compile(builder => RegexGrammar.Compile(builder, "[ab]*a[ab]{20}"), limits);
        Assert.True(Accepts(automaton, "aaa" + new string('b', 20)));
        Assert.True(automaton.States < 100);
    }

    private static void Check(Func<GrammarBuilder, GrammarElement> build, string[] good, string[] bad)
    {
        Automaton automaton = Compile(build);
        Assert.All(good, text => Assert.True(Accepts(automaton, text), $"'{text}' should be accepted"));
        Assert.All(bad, text => Assert.False(Accepts(automaton, text), $"'{text}' should not be accepted"));
    }

    private static Automaton Compile(Func<GrammarBuilder, GrammarElement> build, ServerLimits? limits = null)
    {
        GrammarBuilder builder = new(limits ?? Limits);
        return new Automaton(builder.Build(build(builder)), (limits ?? Limits).AutomatonStates);
    }

    private static bool Accepts(Automaton automaton, string text) => automaton.Accepts(automaton.Step(automaton.Start, Encoding.UTF8.GetBytes(text)));
}

using System.Diagnostics;
using System.Text.Json;
using Lorikeet.Models.Text;
using Lorikeet.Testing;
using Xunit.Abstractions;

namespace Lorikeet.Models.Tests.Text.Templates;

public sealed class HostileTemplateTests(ITestOutputHelper output)
{
    private static readonly TemplateLimits Small = new() { Steps = 2_000_000, Time = TimeSpan.FromSeconds(2), ValueSize = 4 << 20, TotalSize = 32 << 20 };

    public static TheoryData<string> Greedy => new()
    {
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% for i in range(100000) %}{% for j in range(100000) %}{% for k in range(100000) %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(100) }}",
        "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{{ 'x' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s.replace('x', 'xx') %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] | join %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = '%s%s' % (ns.s, ns.s) %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | pprint }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ 'a'.ljust(1000000000, '😀') }}",
        "{{ 'a'.zfill(1000000000) }}",
        "{{ '\t'.expandtabs(1000000000) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%.1000000000f' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{:.1000000000f}'.format(1.5) }}",
        "{{ '{:{}}'.format(1, 1000000000) }}",
        "{{ ('a' * 100000).replace('', 'b' * 100000) }}",
        "{{ ('b' * 100000).join('a' * 100000) }}",
        "{{ 'a\nb' | indent(1000000000) }}",
        "{{ [1] | batch(1000000000, 'x') | list }}",
        "{{ [1] | slice(1000000000) | list }}",
        "{{ [1] | tojson(indent=1000000000) }}",
        "{{ 10 ** 1000000000 }}",
        "{{ (10 ** 30000) * (10 ** 30000) }}",
        "{{ 7 ** (7 ** (7 ** 7)) }}",
        "{% for i in range(100000) %}{{ (7 ** 40000) % (3 ** 9000) }}{% endfor %}",
        "{{ 1 | round(1000000000, 'floor') }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s | tojson }}",
        "{% set ns = namespace(s=(1,), t=(1,)) %}{% for i in range(100000) %}{% set ns.s = (ns.s,) %}{% set ns.t = (ns.t,) %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=(1,)) %}{% for i in range(100000) %}{% set ns.s = (ns.s,) %}{% endfor %}{{ {ns.s: 1} | length }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s < ns.t }}",
        "{% set ns = namespace(s=(1,)) %}{% for i in range(100) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} | length }}",
        "{% set ns = namespace(s=(1,)) %}{% for i in range(100) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ [ns.s] | unique | list | length }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100000) %}{% set ns.s = ns.s | map('string') %}{% endfor %}{{ ns.s | list }}",
        "{% set ns = namespace(s=[1]) %}{% for i in range(100000) %}{% set ns.s = ns.s | select %}{% endfor %}{% for x in ns.s %}{{ x }}{% endfor %}",
        "{% for i in range(100000) %}{{ ('(' * 100000) | urlize | length }}{% endfor %}",
        "{% for i in range(100000) %}{{ ('a' * 100000) | wordwrap(1) | length }}{% endfor %}",
        "{% set s = '😀' * 500000 %}{% for i in range(100000) %}{{ s[400000] }}{{ s[1:5] }}{% endfor %}",
        "{% for i in range(100000) %}{{ dict(**dict.fromkeys(range(50000) | map('string'), 1)) | length }}{% endfor %}",
        "{% set s = 'ab' * 1000000 %}{% for i in range(100000) %}{{ s.upper() | length }}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% if s == s ~ '' %}{% endif %}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for i in range(1000000) %}{% if 'b' in s %}{% endif %}{% endfor %}",
        "{% set s = ('a' * 1000000) ~ 'b' %}{% for i in range(100000) %}{{ s.find(('a' * 500000) ~ 'c') }}{% endfor %}",
        "{% for i in range(100000) %}{{ range(100000) | sum }}{% endfor %}",
        "{% for i in range(100000) %}{{ range(100000) | list | sort | length }}{% endfor %}",
        "{% for i in range(100000) %}{{ range(100000) | map('string') | join | length }}{% endfor %}",
        "{{ range(100000) | map('batch', 1000) | map('list') | list | tojson(indent=100000) }}",
    };

    public static TheoryData<string, string, string> Deep => new()
    {
        { "parentheses", new string('(', 100_000) + "1" + new string(')', 100_000), "{{ ... }}" },
        { "brackets", new string('[', 100_000) + new string(']', 100_000), "{{ ... }}" },
        { "braces", string.Concat(Enumerable.Repeat("{1:", 100_000)), "{{ ... }}" },
        { "signs", new string('-', 100_000) + "1", "{{ ... }}" },
        { "nots", string.Concat(Enumerable.Repeat("not ", 100_000)) + "1", "{{ ... }}" },
        { "attributes", "a" + string.Concat(Enumerable.Repeat(".b", 100_000)), "{{ ... }}" },
        { "items", "a" + string.Concat(Enumerable.Repeat("[0]", 100_000)), "{{ ... }}" },
        { "calls", "a" + string.Concat(Enumerable.Repeat("()", 100_000)), "{{ ... }}" },
        { "filters", "1" + string.Concat(Enumerable.Repeat("|string", 100_000)), "{{ ... }}" },
        { "tests", "1" + string.Concat(Enumerable.Repeat(" is defined", 100_000)), "{{ ... }}" },
        { "sums", "1" + string.Concat(Enumerable.Repeat("+1", 100_000)), "{{ ... }}" },
        { "powers", "1" + string.Concat(Enumerable.Repeat("**1", 100_000)), "{{ ... }}" },
        { "ors", "0" + string.Concat(Enumerable.Repeat(" or 0", 100_000)), "{{ ... }}" },
        { "conditions", string.Concat(Enumerable.Repeat("1 if 0 else ", 100_000)) + "1", "{{ ... }}" },
        { "calls in calls", string.Concat(Enumerable.Repeat("f(", 100_000)), "{{ ... }}" },
        { "targets", new string('(', 100_000), "{% set ... = 1 %}" },
        { "ifs", string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000)), "..." },
        { "loops", string.Concat(Enumerable.Repeat("{% for i in x %}", 100_000)), "..." },
        { "macros", string.Concat(Enumerable.Repeat("{% macro m() %}", 50_000)), "..." },
        { "digits", new string('9', 1_000_000), "{{ ... }}" },
        { "blanks", new string(' ', 900_000), "{%...%}{{ 1 }}" },
        { "tags", string.Concat(Enumerable.Repeat("{% ", 300_000)), "{% raw %}..." },
        { "comments", string.Concat(Enumerable.Repeat("{#", 400_000)), "..." },
    };

    [Theory]
    [MemberData(nameof(Greedy))]
    public void A_greedy_template_is_stopped(string source)
    {
        Stopwatch watch = Stopwatch.StartNew();
        TemplateException e = Assert.Throws<TemplateException>(() => ChatTemplate.Parse(source).Render(Hello(Small)));
        OneLine(e.Message);
        Assert.StartsWith("chat template, line ", e.Message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}");
    }

    [Theory]
    [MemberData(nameof(Deep))]
    public void Deep_nesting_is_refused_or_read(string what, string body, string around)
    {
        Stopwatch watch = Stopwatch.StartNew();
        try
        {
            ChatTemplate.Parse(around.Replace("...", body, StringComparison.Ordinal)).Render(Hello(Small));
        }
        catch (TemplateException e)
        {
            OneLine(e.Message);
            output.WriteLine(e.Message);
        }
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{what} took {watch.Elapsed}");
    }

    [Fact]
    public void Deep_nesting_is_refused_on_a_thread_with_a_small_stack()
    {
        Exception? caught = null;
        Thread thread = new(
            () =>
            {
                try
                {
                    ChatTemplate.Parse("{% macro m(n) %}{{ [[[[[[[[[[m(n + 1)]]]]]]]]]] | join }}{% endmacro %}{{ m(0) }}").Render(Hello(TemplateLimits.Default));
                }
#pragma warning disable CA1031 // Whatever it is, it is looked at below.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    caught = e;
                }
            },
            256 << 10);
        thread.Start();
        thread.Join();
        Assert.Equal(TemplateErrorKind.Limit, Assert.IsType<TemplateException>(caught).Kind);
    }

    [Fact]
    public void A_long_source_is_refused() =>
        Assert.Contains("characters", Assert.Throws<TemplateException>(() => ChatTemplate.Parse(new string('x', 2 << 20))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_run_can_be_stopped()
    {
        using CancellationTokenSource stop = new(TimeSpan.FromMilliseconds(50));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            ChatTemplate.Parse("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}").Render(Hello(TemplateLimits.Default), stop.Token));
    }

    [Theory]
    [InlineData("a\n{{ 1 / 0 }}", 2)]
    [InlineData("a\n\n{% for x in 5 %}{% endfor %}", 3)]
    [InlineData("{{ 1 +\n2 +\nnope }}", 2)]
    [InlineData("a\n{% if %}", 2)]
    [InlineData("\n\n{{ 'x' | nofilter }}", 3)]
    [InlineData("\n{% macro m() %}\n{{ raise_exception('no') }}{% endmacro %}\n{{ m() }}", 3)]
    [InlineData("\n\n{{ 'unclosed }}", 3)]
    public void Messages_name_the_line(string source, int line)
    {
        TemplateException e = Assert.Throws<TemplateException>(() => ChatTemplate.Parse(source).Render(Hello(Small)));
        Assert.Equal(line, e.Line);
        Assert.StartsWith($"chat template, line {line}: ", e.Message, StringComparison.Ordinal);
    }

    [SharedTheory("parity/chat-templates/templates")]
    [InlineData(0x2545F4914F6CDD1DUL, 4000)]
    public void Mutated_templates_throw_nothing_else_and_keep_to_their_limits(ulong seed, int runs)
    {
        string[] sources = [.. Directory.EnumerateFiles(SharedFiles.Path("parity/chat-templates/templates")!, "*.jinja").Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        Mutate(sources, seed, runs);
    }

    [Fact]
    public void Mutated_snippets_throw_nothing_else_and_keep_to_their_limits()
    {
        List<string> sources = [];
        using StreamReader lines = new(typeof(SnippetTests).Assembly.GetManifestResourceStream("jinja-snippets.jsonl")!);
        while (lines.ReadLine() is { } line)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            sources.Add(json.RootElement.GetProperty("template").GetString()!);
        }
        Mutate([.. sources], 0x9E3779B97F4A7C15, 20_000);
    }

    private void Mutate(string[] sources, ulong seed, int runs)
    {
        output.WriteLine($"seed {seed:X}");
        TemplateLimits limits = new() { Steps = 200_000, Time = TimeSpan.FromSeconds(1), ValueSize = 1 << 18, TotalSize = 1 << 22 };
        int failed = 0;
        TimeSpan longest = default;
        for (int run = 0; run < runs; run++)
        {
            string text = sources[Next((ulong)sources.Length)];
            for (ulong i = 0; i <= (ulong)run % 4 && text.Length > 0; i++)
            {
                // A piece of another template lands somewhere, over what was there or beside it.
                string other = sources[Next((ulong)sources.Length)];
                int from = Next((ulong)other.Length + 1), count = Math.Min(Next(24), other.Length - from);
                int at = Next((ulong)text.Length + 1), over = Math.Min(Next(12), text.Length - at);
                text = string.Concat(text.AsSpan(0, at), other.AsSpan(from, count), text.AsSpan(at + over));
            }
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                ChatTemplate.Parse(text, new Dictionary<string, string> { ["bos_token"] = "<s>" }).Render(Hello(limits));
            }
            catch (TemplateException e)
            {
                OneLine(e.Message);
                failed++;
            }
            longest = watch.Elapsed > longest ? watch.Elapsed : longest;
        }
        output.WriteLine($"{failed} of {runs} failed, the longest took {longest}");
        Assert.InRange(failed, runs / 10, runs - (runs / 50));
        Assert.True(longest < TimeSpan.FromSeconds(10), $"one took {longest}");

        int Next(ulong below)
        {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            return (int)((seed >> 11) % below);
        }
    }

    private static ChatRequest Hello(TemplateLimits limits)
    {
        using JsonDocument json = JsonDocument.Parse("""[{"role": "user", "content": "Hello é😀"}, {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}]""");
        return new ChatRequest { Messages = json.RootElement.Clone(), Limits = limits, AddGenerationPrompt = true };
    }

    private static void OneLine(string message)
    {
        Assert.False(message.AsSpan().IndexOfAny('\n', '\r') >= 0, message);
        Assert.InRange(message.Length, 1, 2200);
    }
}

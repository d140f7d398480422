using System.Text;

namespace Lorikeet.Server;

/// <summary>The texts by which a model may call tools, as constraints.</summary>
internal static class ToolConstraint
{
    /// <summary>What opens a call in the form of Hermes and Qwen.</summary>
    public const string Open = "<tool_call>";

    /// <summary>What closes it.</summary>
    public const string Close = "</tool_call>";

    /// <summary>The constraint of a plan; null: none is needed.</summary>
    /// <param name="plan">The tools.</param>
    /// <param name="compiler">Makes constraints.</param>
    /// <param name="tenant">Who asks.</param>
    /// <param name="tagged">Whether the model's template writes calls between tags.</param>
    public static TokenConstraint? Make(ToolPlan plan, ConstraintCompiler compiler, string tenant, bool tagged)
    {
        switch (plan.Mode)
        {
            case ToolMode.Named:
                Tool only = plan.Tools[0];
                return compiler.Of(tenant, $"{only.Place}.parameters", "named:" + Text(only), builder => Arguments(builder, new JsonGrammar(builder), only));
            case ToolMode.Required:
                return compiler.Of(tenant, "tools", $"required:{plan.Parallel}:" + string.Join('\n', plan.Tools.Select(Text)), builder =>
                {
                    JsonGrammar json = new(builder);
                    GrammarElement call = builder.Choice(plan.Tools.Select(t => new[] { Call(builder, json, t, "parameters") }));
                    GrammarElement more = plan.Parallel ? builder.Repeat(builder.Sequence([.. GrammarBuilder.Text(", "), call]), 0, 31) : builder.Choice(GrammarBuilder.Nothing);
                    return builder.Sequence([JsonGrammar.Mark('['), call, more, JsonGrammar.Mark(']')]);
                });
            case ToolMode.Auto when plan.Tools.Any(t => t.Strict):
                return compiler.Of(tenant, "tools", $"auto:{tagged}:" + string.Join('\n', plan.Tools.Select(Text)), builder => Auto(builder, plan, tagged));
            default:
                return null;
        }
    }

    // Any text in which each call, once begun, is one of the tools'.
    private static GrammarElement Auto(GrammarBuilder builder, ToolPlan plan, bool tagged)
    {
        JsonGrammar json = new(builder);
        GrammarElement call = builder.Choice(plan.Tools.Select(t => new[] { Call(builder, json, t, tagged ? "arguments" : "parameters") }));
        GrammarElement any = builder.Repeat(GrammarElement.Of(ByteSet.Range(0, 255)), 0, null);
        if (!tagged)
        {
            ByteSet opening = ByteSet.Of((byte)'{') | ByteSet.Of((byte)'[') | ByteSet.Of((byte)' ') | ByteSet.Of((byte)'\n');
            return builder.Choice([call], [GrammarElement.Of(ByteSet.Range(0, 255).Without(opening)), any], GrammarBuilder.Nothing);
        }
        // A state for each beginning of the tag that the text ends with, as Knuth, Morris and Pratt have it.
        byte[] tag = Encoding.ASCII.GetBytes(Open);
        int[] states = [.. tag.Select(_ => builder.Declare())];
        for (int length = 0; length < tag.Length; length++)
        {
            Dictionary<int, ByteSet> next = [];
            for (int value = 0; value < 256; value++)
            {
                int reached = Reached(tag, length, (byte)value);
                next[reached] = next.GetValueOrDefault(reached) | ByteSet.Of((byte)value);
            }
            foreach ((int reached, ByteSet bytes) in next)
            {
                if (reached < tag.Length)
                {
                    builder.Add(states[length], GrammarElement.Of(bytes), GrammarElement.Of(states[reached]));
                }
                else
                {
                    builder.Add(states[length], [GrammarElement.Of(bytes), JsonGrammar.Mark('\n'), call, .. GrammarBuilder.Text("\n" + Close), GrammarElement.Of(states[0])]);
                }
            }
            builder.Add(states[length]);
        }
        return GrammarElement.Of(states[0]);
    }

    private static int Reached(byte[] tag, int length, byte value)
    {
        byte[] text = [.. tag[..length], value];
        for (int keep = Math.Min(tag.Length, text.Length); keep > 0; keep--)
        {
            if (text.AsSpan(text.Length - keep).SequenceEqual(tag.AsSpan(0, keep)))
            {
                return keep;
            }
        }
        return 0;
    }

    private static GrammarElement Call(GrammarBuilder builder, JsonGrammar json, Tool tool, string member) => builder.Sequence(
        [.. GrammarBuilder.Text($"{{\"name\": \"{tool.Name}\", \"{member}\": "), Arguments(builder, json, tool), JsonGrammar.Mark('}')]);

    private static GrammarElement Arguments(GrammarBuilder builder, JsonGrammar json, Tool tool)
    {
        if (tool.Parameters is not { } schema)
        {
            return json.Word("{}");
        }
        try
        {
            // Arguments are an object even where the schema does not say so.
            return schema.EnumerateObject().Any(p => p.Name is not ("title" or "description" or "$schema")) ? SchemaGrammar.Compile(builder, json, schema) : json.Object;
        }
        catch (GrammarException e) when (e.Pointer is not null)
        {
            throw new GrammarException(e.Message, $"{tool.Place}.parameters{e.Pointer}") { IsLimit = e.IsLimit };
        }
    }

    private static string Text(Tool tool) => $"{tool.Name}:{tool.Strict}:{tool.Parameters?.GetRawText()}";
}

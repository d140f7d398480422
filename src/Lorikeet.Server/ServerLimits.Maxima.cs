namespace Lorikeet.Server;

/// <content>What a limit may be at most: beyond that one request could take the server from all others.</content>
public sealed partial record ServerLimits
{
    /// <summary>What is wrong with the limits, one line each.</summary>
    internal IEnumerable<string> Faults()
    {
        foreach ((string name, double value, double most) in Maxima())
        {
            if (!(value >= 0) || value > most)
            {
                yield return FormattableString.Invariant($"Limits.{name} is {value}; expected 0 to {most}");
            }
        }
    }

    private IEnumerable<(string Name, double Value, double Most)> Maxima() =>
    [
        (nameof(BodyBytes), BodyBytes, 64 << 20), (nameof(UploadBytes), UploadBytes, 16L << 30), (nameof(HeaderBytes), HeaderBytes, 64 << 10), (nameof(RequestLineBytes), RequestLineBytes, 16 << 10),
        (nameof(JsonDepth), JsonDepth, 128), (nameof(Connections), Connections, 65_536), (nameof(StreamStall), StreamStall.TotalSeconds, 300), (nameof(QueueRequests), QueueRequests, 65_536),
        (nameof(QueueTokens), QueueTokens, 64_000_000), (nameof(Deadline), Deadline.TotalSeconds, 3600), (nameof(LongestDeadline), LongestDeadline.TotalSeconds, 3600), (nameof(Prompts), Prompts, 2048), (nameof(VectorBytes), VectorBytes, 64L << 30),
        (nameof(EmbeddingInputs), EmbeddingInputs, 2048), (nameof(EmbeddingTokens), EmbeddingTokens, 3_000_000), (nameof(Choices), Choices, 1024), (nameof(GeneratedTokens), GeneratedTokens, 1 << 20),
        (nameof(Messages), Messages, 8192), (nameof(Tools), Tools, 128), (nameof(ToolBytes), ToolBytes, 1 << 20), (nameof(Stops), Stops, 64), (nameof(StopCharacters), StopCharacters, 1024),
        (nameof(StopTokens), StopTokens, 1024), (nameof(BadWords), BadWords, 1024), (nameof(AnswerBytes), AnswerBytes, 64 << 20), (nameof(SchemaBytes), SchemaBytes, 256 << 10), (nameof(SchemaDepth), SchemaDepth, 64),
        (nameof(SchemaProperties), SchemaProperties, 20_000), (nameof(SchemaValues), SchemaValues, 10_000), (nameof(GrammarBytes), GrammarBytes, 64 << 10), (nameof(Repetitions), Repetitions, 10_000),
        (nameof(GrammarChoices), GrammarChoices, 16_384), (nameof(AutomatonStates), AutomatonStates, 1 << 20), (nameof(CompileTime), CompileTime.TotalSeconds, 5), (nameof(TemplateBytes), TemplateBytes, 256 << 10),
        (nameof(TemplateSteps), TemplateSteps, 10_000_000), (nameof(TemplateOutput), TemplateOutput, 8 << 20), (nameof(TemplateDepth), TemplateDepth, 128), (nameof(MixtureEntries), MixtureEntries, 16),
        (nameof(AdapterRank), AdapterRank, 1024), (nameof(AdapterTensors), AdapterTensors, 65_536), (nameof(AdapterHeaderBytes), AdapterHeaderBytes, 64 << 20), (nameof(Versions), Versions, 100), (nameof(Aliases), Aliases, 64),
        (nameof(Keys), Keys, 10_000), (nameof(Patterns), Patterns, 256), (nameof(Pinned), Pinned, 1024), (nameof(Page), Page, 1000),
    ];
}

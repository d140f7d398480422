using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Lorikeet.Server;

/// <summary>Names under which traces and measurements can be listened to; instruments and tags are OpenTelemetry's for generative models.</summary>
public static class LorikeetTelemetry
{
    /// <summary>The name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string Name = "Lorikeet";

    internal const string ModelTag = "gen_ai.request.model";

    internal static readonly ActivitySource Source = new(Name);

    private static readonly Meter Figures = new(Name);

    internal static readonly Histogram<double> FirstToken = Figures.CreateHistogram<double>("gen_ai.server.time_to_first_token", "s", "From arrival to the first token");

    internal static readonly Histogram<double> PerToken = Figures.CreateHistogram<double>("gen_ai.server.time_per_output_token", "s", "For each token after the first");

    internal static readonly Histogram<double> Duration = Figures.CreateHistogram<double>("gen_ai.server.request.duration", "s", "From arrival to the last token");

    internal static readonly Counter<long> Tokens = Figures.CreateCounter<long>("lorikeet.tokens", "{token}", "Tokens of prompts and answers, by the tag gen_ai.token.type");
}

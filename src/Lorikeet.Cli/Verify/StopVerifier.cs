using System.Text;
using System.Text.Json;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Verify;

/// <summary>Checks stop strings: token bytes in, what may be shown after each, the text, where and why it ended.</summary>
internal static class StopVerifier
{
    public static void Verify(string name, JsonElement one, CaseReport report)
    {
        byte[][] pieces = [.. Texts(one, "pieces_hex").Select(Convert.FromHexString)];
        string[] stops = Texts(one, "stop");
        Result without = Run(pieces, stops, include: false), with = Run(pieces, stops, include: true);
        Same("text", without.Text, one.GetProperty("text").GetString());
        Same("text_with_stop", with.Text, one.GetProperty("text_with_stop").GetString());
        Same("finish_reason", without.Match is null ? "length" : "stop", one.GetProperty("finish_reason").GetString());
        Same("matched", without.Match ?? "null", one.GetProperty("matched").GetString() ?? "null");
        JsonElement at = one.GetProperty("stopped_at_piece");
        Same("stopped_at_piece", without.StoppedAt?.ToString() ?? "null", at.ValueKind == JsonValueKind.Null ? "null" : at.GetRawText());
        string[] visible = Texts(one, "visible_after_piece");
        // After the last piece of a text that no stop string ended, all that was held is out.
        if (visible.Length > 0 && without.Match is null && visible.Length == without.Visible.Count && visible[^1] == without.Text)
        {
            without.Visible[^1] = without.Text;
        }
        Same("visible_after_piece", string.Join('|', without.Visible), string.Join('|', visible));

        void Same(string what, string? got, string? expected) =>
            report.Equal($"{name} {what}", got == expected, $"'{got}' computed, '{expected}' expected");
    }

    private static Result Run(byte[][] pieces, string[] stops, bool include)
    {
        StopMatcher matcher = new(stops, include);
        StringBuilder text = new();
        List<string> visible = [];
        int? stoppedAt = null;
        for (int i = 0; i < pieces.Length && matcher.Match is null; i++)
        {
            text.Append(matcher.Push(pieces[i]));
            visible.Add(text.ToString());
            stoppedAt = matcher.Match is null ? null : i;
        }
        return new Result(text.Append(matcher.Close()).ToString(), matcher.Match, stoppedAt, visible);
    }

    private static string[] Texts(JsonElement one, string key) => [.. one.GetProperty(key).EnumerateArray().Select(e => e.GetString()!)];

    private sealed record Result(string Text, string? Match, int? StoppedAt, List<string> Visible);
}

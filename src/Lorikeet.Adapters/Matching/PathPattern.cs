using System.Text.RegularExpressions;

namespace Lorikeet.Adapters;

/// <summary>A regular expression from a file, in Python's spelling; matching it takes bounded time whatever it says.</summary>
internal sealed class PathPattern
{
    private const int MostLength = 4096;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(1);

    private readonly Regex regex;
    private readonly AdapterConfig config;
    private readonly string key;

    private PathPattern(Regex regex, AdapterConfig config, string key)
    {
        this.regex = regex;
        this.config = config;
        this.key = key;
    }

    /// <summary>re.fullmatch.</summary>
    public static PathPattern Whole(AdapterConfig config, string key, string pattern) => Make(config, key, pattern, $@"\A(?:{pattern})\z");

    /// <summary>re.match("(.*\.)?(KEY)$"), the rule of rank_pattern and alpha_pattern.</summary>
    public static PathPattern Tail(AdapterConfig config, string key, string pattern) => Make(config, key, pattern, $@"\A(?:.*\.)?(?:{pattern})$");

    /// <summary>A match from the beginning whose first group is a layer's number.</summary>
    public static PathPattern Layer(AdapterConfig config, string key, string pattern) =>
        Make(config, key, pattern, pattern.Length == 0 ? @"\A.*?\.[^.]*\.(\d+)\." : $@"\A(?:^|.*?\.)(?:{pattern})\.(\d+)\.");

    public bool Matches(string path) => Try(path).Success;

    /// <summary>The layer's number; null where the path has none.</summary>
    public int? LayerOf(string path)
    {
        Match match = Try(path);
        return match.Success && int.TryParse(match.Groups[match.Groups.Count - 1].Value, out int layer) ? layer : null;
    }

    private static PathPattern Make(AdapterConfig config, string key, string shown, string pattern)
    {
        if (shown.Length > MostLength)
        {
            throw config.Bad($"{key} is a regular expression of {shown.Length} characters; at most {MostLength} are read.");
        }
        // Python and .NET differ in the spelling of named groups only, as far as module paths need it.
        string own = pattern.Replace("(?P<", "(?<", StringComparison.Ordinal);
        RegexOptions options = RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;
        if (key == "layers_pattern" || key == "layers_to_transform")
        {
            options &= ~RegexOptions.ExplicitCapture;
        }
        try
        {
            return new PathPattern(Build(own, options), config, key);
        }
        catch (ArgumentException e)
        {
            string why = e is RegexParseException parse ? parse.Error.ToString() : e.Message;
            throw config.Bad($"{key} '{shown}' is not a valid regular expression: {why}.");
        }
    }

    private static Regex Build(string pattern, RegexOptions options)
    {
        try
        {
            return new Regex(pattern, options | RegexOptions.NonBacktracking, MostTime);
        }
        catch (NotSupportedException)
        {
            // Look-arounds and back-references need the other engine, which the time limit bounds.
            return new Regex(pattern, options, MostTime);
        }
    }

    private Match Try(string path)
    {
        try
        {
            return regex.Match(path);
        }
        catch (RegexMatchTimeoutException)
        {
            throw config.Bad($"{key} takes longer than {MostTime.TotalSeconds:0} s to match '{path}'; expected a simpler regular expression.");
        }
    }
}

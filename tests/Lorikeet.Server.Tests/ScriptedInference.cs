using System.Text;
using Lorikeet.Models.Text;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

/// <summary>An engine that says what a test tells it to, byte by byte, and can be held.</summary>
internal sealed class ScriptedInference(IInference inner, Func<GenerationRequest, string> script) : HeldInference(inner)
{
    protected override IAsyncEnumerable<GenerationEvent> EventsAsync(IReadOnlyList<GenerationRequest> requests, CancellationToken stop) => Events(requests).ToAsyncEnumerable();

    private IEnumerable<GenerationEvent> Events(IReadOnlyList<GenerationRequest> requests)
    {
        for (int id = 0; id < requests.Count; id++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(script(requests[id]));
            for (int choice = 0; choice < requests[id].Choices; choice++)
            {
                TextStream text = Tokenizer.Stream();
                for (int i = 0; i <= bytes.Length; i++)
                {
                    bool end = i == bytes.Length;
                    bool cut = !end && i + 1 >= requests[id].MaxTokens;
                    int token = end ? 256 : bytes[i];
                    string piece = end ? text.Close() : text.Push(token) + (cut ? text.Close() : "");
                    yield return new GenerationEvent(id, token, piece, end ? FinishReason.Stop : cut ? FinishReason.Length : FinishReason.None) { Choice = choice };
                    if (cut)
                    {
                        break;
                    }
                }
            }
        }
    }
}

// A web application of one's own with an adapter behind a route, and OpenAI's API beside it. Argument: the starter model's folder. Then: curl "http://127.0.0.1:5000/rust?begin=fn+main"
using Lorikeet.Server;
using Microsoft.Extensions.AI;

string starter = args.Length > 0 ? args[0] : "assets/starter";
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Services.AddLorikeet(o =>
{
    o.Model = starter;
    o.Adapters = [new("rust", $"{starter}/rust")];
    o.RequestTemplates = true;
});
WebApplication app = builder.Build();
app.MapLorikeet();
app.MapHealthChecks("/healthz");
app.MapGet("/rust", (string begin, IChatClient client, CancellationToken stop) => client.GetResponseAsync(
    begin,
    new ChatOptions { ModelId = "rust", MaxOutputTokens = 48, Temperature = 0.7f, AdditionalProperties = new() { ["chat_template"] = "{{ messages[0].content }}" } },
    stop));
app.Run("http://127.0.0.1:5000");
